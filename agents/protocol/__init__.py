"""Turns, chunks, frames, and the protocol of a backend; pure."""
