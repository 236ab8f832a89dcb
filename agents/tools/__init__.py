"""Tools of agents: Python functions, and handing in their work."""
