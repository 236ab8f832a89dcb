"""A script's performance: which entry is played, and what its lines amount to.

Pure; :mod:`agents.backends.scripted.backend` makes chunks of the moves,
:mod:`agents.emulator` bytes.
"""
