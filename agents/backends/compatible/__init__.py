"""Servers that speak Chat Completions or Messages: routers, hosts, local models."""
