"""Tools that work in a folder of the agent's own: a shell, an editor, a memory.

Off unless a team asks for them. The editor and the memory cannot leave their folder.
The shell is limited in time, memory and output and gets none of our environment. Where
bubblewrap is installed it is kept to its folder, without a network; elsewhere what the
user may read and do on this machine, its commands may too.
"""

from agents.tools.workspace import sandbox
from agents.tools.workspace.bash import Bash, Limits
from agents.tools.workspace.editor import TextEditor
from agents.tools.workspace.memory import Memory
from agents.tools.workspace.work_place import PlacedTool, WorkPlace

__all__ = [
    "Bash",
    "Limits",
    "Memory",
    "PlacedTool",
    "TextEditor",
    "WorkPlace",
    "sandbox",
]
