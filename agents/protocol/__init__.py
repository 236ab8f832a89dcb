"""Messages to and from agents, and the protocol of a backend; pure."""
