"""xAI's models, by the Responses API."""
