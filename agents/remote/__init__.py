"""An agent whose actor runs elsewhere: two ends, and the bytes between them.

:mod:`.remote_actor` stands where the team is and takes the actor's place; :mod:`.host`
runs the real one, near its model, its tools or its data. A *wire* carries orders there
and batches of frames back; this package has none that leaves the process.
"""
