"""Citations on their way from a stream to what people read, over real HTTP."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from coordinator.displays.base import Cast
from coordinator.displays.plain import PlainDisplay
from coordinator.displays.rich import RichDisplay
from coordinator.protocol.result import Result
from coordinator.session.session import open_session
from coordinator.team.builder import assemble, closing
from coordinator.team.emulation import NO_KEY, emulated
from coordinator.team.reader import read_team

pytestmark = pytest.mark.real_time

WEB_SEARCH = (
    Path(__file__).parents[3] / "scenarios" / "capabilities" / "web_search.yaml"
)
FOOTNOTE = "[1] The Eiffel Tower — https://www.toureiffel.paris/en/the-monument"


async def shown(path: Path) -> tuple[Result, str, str, list[Any]]:
    """The result; what plain and rich print of it; the bodies that were asked."""
    plain, rich = io.StringIO(), io.StringIO()
    console = Console(file=rich, width=100, height=40, force_terminal=True)
    async with emulated(read_team(path)) as (pretended, server):
        async with closing(assemble(pretended, environment=NO_KEY)) as team:
            cast = Cast(
                question="?", models={a.id: a.backend.model for a in team.with_models}
            )
            displays = (PlainDisplay(plain, cast), RichDisplay(cast, console=console))
            async with open_session("How tall?", team, displays=displays) as session:
                result = await session.wait()
        bodies = [request.body for request in server.requests]
    return result, plain.getvalue(), rich.getvalue(), bodies


async def test_a_cited_answer_is_read_presented_and_shown_with_its_footnotes() -> None:
    result, plain, rich, bodies = await shown(WEB_SEARCH)
    assert result.answer == f"330 metres [1], antenna included.\n\n{FOOTNOTE}"
    assert [(c.number, c.title) for c in result.citations] == [(1, "The Eiffel Tower")]
    assert result.citations[0].quote == "The Tower is now 330 metres high."
    drafts = {str(answer.agent): answer for answer in result.answers}
    assert drafts["ada"].content.startswith("It is 330 metres tall[1], since")
    assert drafts["ada"].citations == result.citations
    assert drafts["bob"].citations == ()
    read_by_bob = [str(body) for body in bodies if body["model"] == "claude-haiku-5-5"]
    assert any(FOOTNOTE in body for body in read_by_bob)
    assert FOOTNOTE in plain
    assert FOOTNOTE in rich
