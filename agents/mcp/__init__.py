"""MCP servers on our side: started or reached by us, their tools offered to one agent.

:class:`McpServer` is imported at no cost; :mod:`agents.mcp.toolbox` needs the ``mcp``
library, the extra ``[mcp]``.
"""

from agents.mcp.server_config import McpServer

__all__ = ["McpServer"]
