"""The engine: spawns agents, fans in, records, steps, acts, publishes."""
