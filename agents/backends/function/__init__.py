"""A backend of one's own in five lines: a function that is asked and replies.

::

    async def ask(messages, tools):
        response = await my_client.chat(messages=messages, tools=tools)
        return response.text

    agent = Agent(id="ada", backend=FunctionBackend(ask, model="my-model"))
"""

from agents.backends.function.backend import FunctionBackend
from agents.backends.function.reply import Answer, Thought, ToolCall, Vote

__all__ = ["Answer", "FunctionBackend", "Thought", "ToolCall", "Vote"]
