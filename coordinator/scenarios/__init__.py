"""Scenarios: a team, what its agents will say, and the outcome expected of it.

A scenario is a file that people write and read, and a test that runs in virtual time
through the real shell. :mod:`coordinator.scenarios.schema` says what may stand in one.
"""
