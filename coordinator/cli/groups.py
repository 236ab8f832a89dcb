"""The groups that ``--help`` shows commands in, what users need first."""

from __future__ import annotations

from cyclopts import Group

ASK = Group("Ask", sort_key=1)
LOOK_BACK = Group("Look back", sort_key=2)
SET_UP = Group("Set up", sort_key=3)
TRY_TEAMS = Group("Try teams", sort_key=4)
BUILD = Group("For builders of this package", sort_key=5)
