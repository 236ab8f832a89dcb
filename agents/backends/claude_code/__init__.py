"""Claude Code as an agent: a program with tools of its own, in a folder of its own.

Needs the extra ``claude_code`` (``claude-agent-sdk``, 400 MB).
"""

from agents.backends.claude_code.backend import ClaudeCodeBackend

__all__ = ["ClaudeCodeBackend"]
