"""OpenAI's models, by Responses or Chat Completions; on Azure too."""
