"""The machine under a seeded clock, schedule and faults; every step is checked."""
