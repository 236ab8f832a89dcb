"""Servers that speak Chat Completions or Messages: routers, hosts, local models.

What one of them lacks is found by :func:`agents.backends.compatible.probe.probe`.
"""
