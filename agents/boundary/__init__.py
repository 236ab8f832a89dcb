"""Where code that callers bring is called: tools, toolboxes, approvers, displays."""
