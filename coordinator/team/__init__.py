"""From a file or from Python to a team."""
