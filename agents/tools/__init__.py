"""What agents can do beside writing: Python functions, and handing in their work."""
