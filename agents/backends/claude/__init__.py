"""Claude through the Messages API: bytes to events to chunks, and the way back."""
