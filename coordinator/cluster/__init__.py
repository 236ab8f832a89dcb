"""Ray, fenced: the connection to a cluster, and awaiting what it computes."""
