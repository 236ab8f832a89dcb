"""Stress tests of one's own team: many agents, faults, people who meddle, by seed.

:mod:`coordinator.stress.targets` makes the team of a file or a function,
:mod:`coordinator.stress.plan` draws what happens to it, :mod:`coordinator.stress.play`
runs one seed and says what is wrong, :mod:`coordinator.stress.campaign` runs many and
makes a failing one as small as it can be.
"""
