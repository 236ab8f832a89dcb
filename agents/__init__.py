"""One agent, alone in the world: its words, its model, its tools, its task."""
