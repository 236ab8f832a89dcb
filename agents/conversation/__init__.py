"""Prompts, the history of a conversation, and accumulated responses; pure."""
