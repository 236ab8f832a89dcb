"""What agents can do beside writing: Python functions, and handing in their work.

@tool
def population(city: str) -> int: ...
"""

from agents.tools.answer_schema import AnswerForm, answer_form
from agents.tools.base import Tool, Toolbox, ToolResult
from agents.tools.function import FunctionTool, tool
from agents.tools.schema_tool import SchemaTool

__all__ = [
    "AnswerForm",
    "FunctionTool",
    "SchemaTool",
    "Tool",
    "ToolResult",
    "Toolbox",
    "answer_form",
    "tool",
]
