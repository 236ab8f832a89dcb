"""How people see a session: rich panes, plain lines, JSON lines, or nothing."""
