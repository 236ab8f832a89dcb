"""Dates, which models are bad at: functions to be named as tools."""

from __future__ import annotations

from datetime import UTC, date, datetime


def today() -> date:
    """Today's date, in UTC."""
    return datetime.now(UTC).date()


def days_between(start: date, end: date) -> int:
    """Count the days from one date to another.

    Args:
        start: The earlier date.
        end: The later date; where it is earlier, the count is negative.
    """
    return (end - start).days
