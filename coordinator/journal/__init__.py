"""The journal: an append-only file of what a session took in, in the order taken.

    async with open_journal(root, opened, durability="async") as journal:
        journal.record(Kind.FRAME, frame, at)
        await journal.commit()

Storage (:mod:`~coordinator.journal.framing`, ``folder``, ``writer``, ``opening``,
``reading``), the list of sessions (``summaries``, ``index``, ``finding``), reading one
as inputs again (``replaying``, ``resuming``, ``branching``, ``landmarks``) and handing
it out (``export_jsonl``). What each durability promises stands in
``writer``.

Each name brings its own file with it when it is first used: a session that only writes
has no use for the index, which loads SQLite.
"""
