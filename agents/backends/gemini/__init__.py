"""Google's Gemini, by ``streamGenerateContent``."""
