"""What agents are asked and say, and the protocol of a backend; pure."""
