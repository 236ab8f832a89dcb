"""Routing of requests to the players of their scripts."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, cast
from urllib.parse import unquote

import msgspec

from agents.backends.scripted.player import Player
from agents.backends.scripted.script import Script

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agents.backends.scripted.script import JsonObject

FORGOTTEN_S = 3600.0
"""Seconds without a request after which a client begins anew."""
AGENT_HEADER = "x-coordinator-agent"
"""The engine's backend names the agent here; to the real API it means nothing."""


def agent_of(headers: Mapping[str, str]) -> str | None:
    """The agent a request names, percent-decoded: headers bear ASCII alone."""
    agent = headers.get(AGENT_HEADER)
    return None if agent is None else unquote(agent)


class Stage:
    """The scripts and those who play them.

    Args:
        scripts: One that everybody plays for themselves, or one for each agent, user or
            model.
    """

    def __init__(self, scripts: Mapping[str, Script] | Script) -> None:
        self._scripts = scripts
        self._players: dict[str, Player] = {}
        self._came_at: dict[str, float] = {}
        """Clients that name no agent → when they came last, the longest ago first."""
        self._cast = 0

    def player(
        self, headers: Mapping[str, str], body: JsonObject, now: float = 0.0
    ) -> Player:
        """Find the player of a request.

        Args:
            headers: Of the request, names in lower case.
            body: The same.
            now: The time; who names nobody and has not come for an hour is forgotten.

        A script is picked by the agent's header, then ``metadata.user_id``, then the
        model's name, then in rotation; who names nobody is known by how its
        conversation begins.
        """
        agent = agent_of(headers)
        about = cast("JsonObject", body.get("metadata") or {})
        user_id: object = about.get("user_id")
        user = user_id if isinstance(user_id, str) else None
        name = agent or user or _beginning(body)
        if agent is None:
            self._forget(now)
            self._came_at.pop(name, None)
            self._came_at[name] = now
        return self._player(name, agent, user, str(body.get("model")))

    def _forget(self, now: float) -> None:
        """Forget clients that have gone; they are in the order in which they came."""
        while self._came_at:
            name, came_at = next(iter(self._came_at.items()))
            if came_at > now - FORGOTTEN_S:
                return
            del self._came_at[name]
            self._players.pop(name, None)

    def player_of(self, agent: str) -> Player:
        """Find the player of one of the engine's agents."""
        return self._player(agent, agent)

    def _player(self, name: str, *picked_by: str | None) -> Player:
        if name not in self._players:
            self._players[name] = Player(self._pick(*picked_by), name)
        return self._players[name]

    def models(self) -> list[str]:
        """Name the models that the scripts are written for."""
        if isinstance(self._scripts, Script):
            return [self._scripts.model]
        return list(dict.fromkeys(script.model for script in self._scripts.values()))

    def _pick(self, *names: str | None) -> Script:
        if isinstance(self._scripts, Script):
            return self._scripts
        for name in names:
            if name is not None and name in self._scripts:
                return self._scripts[name]
        in_turn = list(self._scripts.values())
        self._cast += 1
        return in_turn[(self._cast - 1) % len(in_turn)]


def _beginning(body: JsonObject) -> str:
    start = msgspec.json.encode([body.get("system"), body["messages"][0]])
    return f"client-{hashlib.blake2b(start, digest_size=6).hexdigest()}"
