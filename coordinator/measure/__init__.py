"""Measuring policies on a user's own questions: every one on the same drafts and votes.

One sweep of one open team gathers drafts, ballots, last words and what each has cost
(:mod:`.session_facts`); every policy is then replayed on them (:mod:`.policies`), and
what the simulator assumes is estimated from them (:mod:`.estimates`).
"""
