"""Many sessions: a set of questions, asked of teams, on one machine or on Ray."""
