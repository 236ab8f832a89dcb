"""MassGen's surfaces: its configurations, commands, logs and calls, over our engine.

Only the command line and the bench import this room; elsewhere MassGen is a policy's
name. Nothing of MassGen is needed or copied here: what its files and callers hold was
read of version 0.1.97.

    result = await coordinator.massgen.run("Why?", config="their.yaml")

``configuration`` reads a file, ``key_table`` says what becomes of each key, ``agents``
which of our backends an agent of theirs is, ``conversion`` makes a team of it all, and
``validation`` the table that people read. ``logs`` writes a journal in the layout of
its log directory; ``runner`` is ``run()``.
"""
