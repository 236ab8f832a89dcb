"""The boundary to code that callers bring: tools, toolboxes, approvers, displays."""
