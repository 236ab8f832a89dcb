"""Boundary to callers' code: tools, toolboxes, approvers, displays."""
