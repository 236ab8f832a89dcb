"""One agent's task: turns, model calls, tool calls, and what it publishes."""
