"""Chat Completions, as OpenAI and all that are compatible speak it. Pure."""
