"""A script's performance: which entry is played, and what its lines amount to.

Pure; :mod:`agents.scripted` makes chunks of the moves, :mod:`agents.emulator` bytes.
"""
