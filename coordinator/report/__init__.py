"""Reports of sessions: one self-contained file that says what happened and why."""
