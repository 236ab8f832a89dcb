"""Which of our errors a refusal of Google's is. Pure.

``{"error": {"code", "message", "status", "details"}}``; the wait is a detail and no
header, and a day's quota is told from a minute's by the quota's name (read in the API's
documentation and in recorded bodies, 2026-11-30).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, cast

from agents.backends.dialects.errors import (
    Told,
    duration_s,
    of_told,
    retry_after_s,
    told,
)
from agents.backends.dialects.json_values import Json, text_of
from agents.errors import AgentError, BackendUnavailable, QuotaExhausted

_PER_DAY = re.compile(r"per[_ ]?day|daily", re.IGNORECASE)
_BROKE_OFF = frozenset({"UNAVAILABLE", "INTERNAL", "DEADLINE_EXCEEDED", "CANCELLED"})
"""Statuses that may pass; ``RESOURCE_EXHAUSTED`` too, but it concerns the team."""


def error_for(
    status: int,
    headers: Mapping[str, str],
    body: object,
    secrets: Collection[str] = (),
) -> AgentError:
    """The error for a response that is no stream; see :func:`.errors.error_for`."""
    if isinstance(body, list) and body:
        body = cast("list[object]", body)[0]
    error: Any = cast("Json", body).get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return of_told(told(cast("object", body)), status, headers, secrets)
    return _of_error(cast("Json", error), status, headers, secrets)


def of_stream(error: Json | str) -> AgentError:
    """The error for one that stands within a stream."""
    if isinstance(error, str):
        return of_told(Told(error), 0)
    code = error.get("code")
    return _of_error(error, code if isinstance(code, int) else 0, {}, ())


def _of_error(
    error: Json, status: int, headers: Mapping[str, str], secrets: Collection[str]
) -> AgentError:
    problem = Told(text_of(error.get("message")), text_of(error.get("status")))
    details = error.get("details")
    listed = cast("list[Any]", details) if isinstance(details, list) else []
    every = [cast("Json", each) for each in listed if isinstance(each, dict)]
    wait_s = _wait_s(every) or retry_after_s(headers)
    if problem.kind == "RESOURCE_EXHAUSTED" or status == 429:
        ours = of_told(problem._replace(message=_plain(problem)), 429, headers, secrets)
        if _is_day(every) or isinstance(ours, QuotaExhausted):
            return QuotaExhausted(f"a day's quota is used up: {ours}")
        return BackendUnavailable(str(ours), retry_after_s=wait_s, is_rate_limit=True)
    passes = problem.kind in _BROKE_OFF
    status = 503 if passes and status < 500 else status
    return of_told(problem, status, headers, secrets, wait_s)


def _plain(problem: Told) -> str:
    """Google's words for any quota are OpenAI's for an empty account."""
    return problem.message.replace("You exceeded your current quota, please", "Quota:")


def _wait_s(details: list[Json]) -> float | None:
    for each in details:
        if text_of(each.get("@type")).endswith("RetryInfo"):
            return duration_s(text_of(each.get("retryDelay"))) or None
    return None


def _is_day(details: list[Json]) -> bool:
    for each in details:
        if not text_of(each.get("@type")).endswith("QuotaFailure"):
            continue
        violations = each.get("violations")
        for quota in cast("list[Any]", violations or []):
            named = cast("Json", quota) if isinstance(quota, dict) else {}
            text = f"{named.get('quotaId')} {named.get('quotaMetric')}"
            if _PER_DAY.search(text):
                return True
    return False
