"""What an agent can do beside talking: Python functions and the workflow tools."""
