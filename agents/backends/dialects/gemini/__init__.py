"""Gemini's generateContent, read and written. Pure."""
