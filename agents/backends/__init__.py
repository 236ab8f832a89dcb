"""Models, and what stands in for one; each room has its own backend."""
