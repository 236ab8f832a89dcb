"""What agents can do beside writing: Python functions, and handing in their work.

@tool
def population(city: str) -> int: ...
"""

from agents.tools.base import Tool, ToolResult
from agents.tools.function import FunctionTool, tool
from agents.tools.schema import SchemaTool
from agents.tools.workflow import AnswerForm, answer_form

__all__ = [
    "AnswerForm",
    "FunctionTool",
    "SchemaTool",
    "Tool",
    "ToolResult",
    "answer_form",
    "tool",
]
