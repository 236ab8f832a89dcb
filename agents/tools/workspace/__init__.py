"""Tools that work in a folder of the agent's own: a shell, an editor, a memory.

Off unless a team asks for them. The editor and the memory cannot leave their folder.
The shell is limited in time, memory and output and gets none of our environment, but it
is no sandbox: what the user may read and do on this machine, its commands may too.
"""

from agents.tools.workspace.bash import Bash, Limits
from agents.tools.workspace.editor import TextEditor
from agents.tools.workspace.memory import Memory

__all__ = ["Bash", "Limits", "Memory", "TextEditor"]
