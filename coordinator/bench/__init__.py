"""The engine's cost, measured on the user's own machine.

``coordinator bench`` prints it, ``tests/bench`` keeps it from rotting. Nothing here is
asserted against a clock: machines differ and are shared, so figures stand beside one
another, taken in one run. CPU time is preferred to the wall's, for the same reason.
"""
