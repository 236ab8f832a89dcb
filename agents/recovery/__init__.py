"""Turns of a process that died, told again to a new one."""
