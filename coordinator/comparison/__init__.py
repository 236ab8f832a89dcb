"""Policies side by side on simulated teams: quality, tokens, time."""
