"""The Responses API (OpenAI, xAI), read and written. Pure."""
