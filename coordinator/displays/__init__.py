"""Displays of a session: rich panes, plain lines, JSON lines, or nothing."""
