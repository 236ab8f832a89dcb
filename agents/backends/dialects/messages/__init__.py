"""The Messages API: events, their reader, and the writer of requests."""
