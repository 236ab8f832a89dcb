"""From one agent of a MassGen configuration to one of a team file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from coordinator.massgen.agent_kinds import KINDS, LACKING, Kind, kind_at, kind_of_model
from coordinator.massgen.configuration import Json
from coordinator.massgen.custom_tools import beyond
from coordinator.massgen.key_table import HONOURED, known
from coordinator.massgen.ledger import Ledger, unknown_name
from coordinator.massgen.tool_filters import filtered
from coordinator.team.makers import split_model
from coordinator.team.yaml_document import Where

_VARIABLE = re.compile(r"\$\{(\w+)\}")
_OLD_CLAUDE = re.compile(r"claude-(3|(opus|sonnet|haiku)-4(-\d{8}|-[0-5]\b|$))")

_SEARCH = ("claude", "openai", "grok", "gemini")
_EFFORTS = {
    "claude": ("low", "medium", "high", "xhigh", "max"),
    "grok": ("none", "low", "medium", "high"),
}


class AgentConversion:
    """Makes an agent of ours of one of theirs, key by key.

    Args:
        ledger: Where it is noted what became of each.
        where: The agent's place in the file.
        environment: What ``${NAME}`` stands for; ``None``: leave it as it stands.
        in_place: A model in place of agents of a kind that is not here.
    """

    def __init__(
        self,
        ledger: Ledger,
        where: Where,
        environment: Mapping[str, str] | None,
        in_place: str | None,
    ) -> None:
        self._ledger = ledger
        self._at = where
        self._environment = environment
        self._in_place = in_place
        self.is_stand_in = False
        """Whether the model for kinds that are not here is in this agent's place."""
        self._made: Json = {}
        self._tools: list[str | Json] = []
        self._extra: Json = {}
        self._is_searched = False
        """Tools are found by a search, so that they need not be loaded before."""
        self.uploads: list[tuple[Where, str]] = []
        """Files that go with the question, and where they are named."""
        self.workspace: str | None = None

    def made(self, agent: Json, number: int) -> Json:
        """The agent's entry in a team file."""
        place = self._at
        self._made["id"] = str(agent.get("id") or f"agent{number}")
        if "id" in agent:
            self._ledger.honour((*place, "id"))
        section = agent.get("backend")
        if not isinstance(section, dict):
            problem = "an agent needs a backend; add 'backend: {type: …, model: …}'"
            self._ledger.refuse((*place, "backend"), "no backend", problem)
            return self._made
        backend = cast("Json", section)
        self._ledger.honour((*place, "backend"))
        self._kind(backend)
        self._system(agent, backend)
        self._parameters(backend)
        self._server_tools(backend)
        self._work(backend)
        self._mcp(backend)
        self._custom(backend)
        self._upload(backend)
        self._ledger.finish(place, "agent", agent)
        self._rest(backend)
        if self._tools:
            self._made["tools"] = self._tools
        if self._extra:
            self._made["extra"] = self._extra
        return self._made

    @property
    def _maker(self) -> str:
        return str(self._made.get("backend", "claude"))

    def _place(self, key: str) -> Where:
        return (*self._at, "backend", key)

    def _kind(self, backend: Json) -> None:
        """Convert the provider, the model and its key."""
        type_ = str(backend.get("type") or "")
        model = backend.get("model")
        kind = KINDS.get(type_)
        if type_ == "chatcompletion":
            kind = kind_at(str(backend.get("base_url") or ""))
        if not type_:
            kind = kind_of_model(model)
        if kind is None or not isinstance(model, str) or not model:
            self._without_kind(type_, model, kind)
            return
        note = f"asked as {kind.backend}"
        if "type" in backend:
            self._ledger.honour(self._place("type"), note)
        self._ledger.honour(self._place("model"), "" if type_ else note)
        self._made |= {"backend": kind.backend, "model": model}
        if kind.server is not None:
            self._made["server"] = kind.server
        if kind.provider is not None:
            self._made["provider"] = kind.provider
        self._address(backend, kind)
        self._key(backend, kind)

    def _without_kind(self, type_: str, model: object, kind: Kind | None) -> None:
        who = f"agent {self._made['id']!r}"
        if self._in_place is not None and kind is None:
            self.is_stand_in = True
            maker, server, name = split_model(self._in_place)
            self._made |= {"backend": maker or "claude", "model": name}
            if server is not None:
                self._made["server"] = server
            note = f"{self._in_place} is in its place, by --as"
            for key in ("type", "model"):
                self._ledger.honour(self._place(key), note)
            return
        if kind is not None:
            self._ledger.honour(self._place("type"), f"asked as {kind.backend}")
            problem = f"{who} names no model; add 'model: …'"
            self._ledger.refuse(self._place("model"), "no model", problem)
            return
        if model is not None:
            self._ledger.pass_over(self._place("model"), "see 'type'")
        why = LACKING.get(type_, "no such kind is known here")
        problem = (
            f"{who} is of the kind {type_!r}: {why}; put another model in its place: "
            "--as claude-sonnet-5-5"
        )
        reason = f"agents of kind {type_ or '(none)'}"
        self._ledger.refuse(self._place("type"), reason, problem)

    def _address(self, backend: Json, kind: Kind) -> None:
        base_url = backend.get("base_url")
        address = (
            self._filled("base_url", base_url) if isinstance(base_url, str) else None
        )
        if address is not None:
            self._ledger.honour(self._place("base_url"))
            address = address.removesuffix("/chat/completions").rstrip("/")
        if kind.server is None or kind.keys:
            address = address or kind.base_url
        if address is None and self._made.get("provider") == "azure":
            address = (self._environment or {}).get("AZURE_OPENAI_ENDPOINT")
        if address is not None:
            self._made["base_url"] = address
        elif kind.backend == "compatible" and kind.server is None:
            problem = "a server of no name needs its address; add 'base_url: https://…'"
            self._ledger.refuse(self._place("base_url"), "no address", problem)
        for key in ("azure_deployment", "api_version"):
            if key in backend:
                self._ledger.pass_over(
                    self._place(key), "the model's name and the newest API serve"
                )

    def _key(self, backend: Json, kind: Kind) -> None:
        """The variable that holds its key; a key itself is never taken over."""
        key = backend.get("api_key")
        if isinstance(key, str) and key:
            named = _VARIABLE.fullmatch(key)
            if named is not None:
                self._made["api_key_env"] = named[1]
                self._ledger.honour(self._place("api_key"), "as 'api_key_env'")
                return
            problem = (
                "a key has no place in a file; put it into a variable and write "
                "'api_key: ${NAME}'"
            )
            self._ledger.refuse(self._place("api_key"), "a key in the file", problem)
            return
        if kind.keys:
            there = self._environment or {}
            variables = [name for name in kind.keys if there.get(name)]
            self._made["api_key_env"] = (*variables, *kind.keys)[0]

    def _filled(self, key: str, text: str) -> str:
        """``text`` with its variables; one that is not set stays, as in MassGen."""
        there = self._environment
        if there is None:
            return text
        missing = [name for name in _VARIABLE.findall(text) if name not in there]
        if missing:
            problem = f"{missing[0]} is not set; set it"
            self._ledger.refuse(self._place(key), "a variable is not set", problem)
        return _VARIABLE.sub(lambda name: there.get(name[1], name[0]), text)

    def _system(self, agent: Json, backend: Json) -> None:
        parts: list[str] = []
        for place, holder in ((self._at, agent), ((*self._at, "backend"), backend)):
            for key in ("system_prompt", "system_message", "append_system_prompt"):
                text = holder.get(key)
                if isinstance(text, str):
                    parts.append(text.strip())
                    self._ledger.honour((*place, key), "as 'system'")
        if parts:
            self._made["system"] = "\n\n".join(part for part in parts if part)

    def _parameters(self, backend: Json) -> None:
        """Convert the model's own parameters."""
        honour, place = self._ledger.honour, self._place
        for key in ("max_tokens", "betas", "thinking"):
            if key not in backend or backend[key] is None:
                continue
            if key == "betas" and self._maker != "claude":
                self._ledger.pass_over(place(key), "of Claude's API")
                continue
            self._made[key] = backend[key]
            honour(place(key))
        for key in ("temperature", "top_p", "top_k"):
            if key in backend:
                self._sample(key, backend[key])
        self._reasoning(backend)
        text = backend.get("text")
        if isinstance(text, dict):
            if self._maker in {"openai", "grok"}:
                self._extra["text"] = text
                honour(place("text"), "as 'extra'")
            else:
                self._ledger.pass_over(place("text"), "of OpenAI's Responses API")
        body = backend.get("extra_body")
        if isinstance(body, dict):
            self._extra |= cast("Json", body)
            honour(place("extra_body"), "as 'extra'")
        if "parallel_tool_calls" in backend:
            if self._maker in {"openai", "grok", "compatible"}:
                self._extra["parallel_tool_calls"] = backend["parallel_tool_calls"]
                honour(place("parallel_tool_calls"), "as 'extra'")
            else:
                self._ledger.pass_over(place("parallel_tool_calls"), "of OpenAI's API")

    def _sample(self, key: str, value: object) -> None:
        """A parameter of sampling, where the model takes any."""
        place, model = self._place(key), str(self._made.get("model", ""))
        is_without = (self._maker == "claude" and not _OLD_CLAUDE.search(model)) or (
            self._maker == "openai" and re.match(r"gpt-5|o\d", model)
        )
        if is_without:
            self._ledger.pass_over(place, f"{model} takes no {key}")
        elif self._maker == "gemini":
            name = {"top_p": "topP", "top_k": "topK"}.get(key, key)
            config = self._extra.setdefault("generationConfig", {})
            config[name] = value
            self._ledger.honour(place, "as 'extra'")
        elif self._maker in {"openai", "grok"} and key == "top_k":
            self._ledger.pass_over(place, "OpenAI's API has no top_k")
        else:
            self._extra[key] = value
            self._ledger.honour(place, "as 'extra'")

    def _reasoning(self, backend: Json) -> None:
        reasoning = backend.get("reasoning")
        if not isinstance(reasoning, dict):
            return
        fields, place = cast("Json", reasoning), self._place("reasoning")
        self._ledger.honour(place, "as 'effort' and 'thinking'")
        effort = fields.get("effort")
        if fields.get("type") == "disabled" or fields.get("enabled") is False:
            self._made["thinking"] = "disabled"
        elif fields.get("summary") and self._maker in {"openai", "gemini"}:
            self._made["thinking"] = "adaptive"
        if isinstance(effort, str):
            if effort in _EFFORTS.get(self._maker, (effort,)):
                self._made["effort"] = effort
            else:
                self._ledger.pass_over(place, f"{self._maker} takes no {effort!r}")

    def _server_tools(self, backend: Json) -> None:
        """Tools that the model's maker runs."""
        maker = self._maker
        if backend.get("enable_web_search"):
            place = self._place("enable_web_search")
            if maker in _SEARCH:
                self._tool("web_search", place)
            elif "openrouter" in str(self._made.get("base_url", "openrouter")) and (
                self._made.get("server") in {None, "openrouter"}
            ):
                self._extra["plugins"] = [{"id": "web"}]
                self._ledger.honour(place, "as OpenRouter's plugin")
            else:
                self._ledger.decline(
                    place, "the server has no search; name an MCP server that has"
                )
        elif "enable_web_search" in backend:
            self._ledger.honour(self._place("enable_web_search"), "it is off, as here")
        for key in ("enable_code_execution", "enable_code_interpreter"):
            if not backend.get(key):
                if key in backend:
                    self._ledger.honour(self._place(key), "it is off, as here")
            elif maker in _SEARCH:
                self._tool("code_execution", self._place(key))
            else:
                self._ledger.decline(
                    self._place(key), "the server runs no code; give it 'bash'"
                )
        if backend.get("enable_tool_search"):
            variant = backend.get("tool_search_variant", "regex")
            place = self._place("enable_tool_search")
            if maker == "claude":
                self._is_searched = True
                self._tool(f"tool_search_{variant}", place)
            else:
                self._ledger.decline(place, "of Claude's API")
        if "tool_search_variant" in backend:
            self._ledger.honour(self._place("tool_search_variant"))

    def _tool(self, name: str, place: Where) -> None:
        if name not in self._tools:
            self._tools.append(name)
        self._ledger.honour(place, f"as 'tools: [{name}]'")

    def _work(self, backend: Json) -> None:
        """A folder to work in, with an editor and a shell."""
        place, cwd = self._place, backend.get("cwd")
        has_shell = bool(backend.get("enable_mcp_command_line"))
        has_editor = not backend.get("exclude_file_operation_mcps")
        if isinstance(cwd, str) and cwd and (has_shell or has_editor):
            self.workspace = cwd
            self._made["workspace"] = cwd
            self._ledger.honour(place("cwd"), "as 'workspace'; a folder each session")
            if has_editor:
                self._tools.append("text_editor")
            if has_shell:
                self._tools.append("bash")
        elif "cwd" in backend:
            self._ledger.pass_over(place("cwd"), "no tool of this agent's works in it")
        if "exclude_file_operation_mcps" in backend:
            note = "as 'tools', with text_editor or without"
            self._ledger.honour(place("exclude_file_operation_mcps"), note)
        for key in ("enable_mcp_command_line", "command_line_execution_mode"):
            if key not in backend:
                continue
            if not has_shell:
                self._ledger.pass_over(place(key), "no shell is asked for")
            elif not self.workspace:
                self._ledger.decline(place(key), "a shell needs a folder; add 'cwd'")
            else:
                note = "as 'bash', in bubblewrap, without a network"
                self._ledger.honour(place(key), note)

    def _mcp(self, backend: Json) -> None:
        """MCP servers that are started or reached here."""
        if "mcp_servers" not in backend:
            self._filter(backend, ())
            return
        configured, where = backend["mcp_servers"], self._place("mcp_servers")
        self._ledger.honour(where, "as 'mcp'")
        servers: list[tuple[Where, str, Json]] = []
        if isinstance(configured, dict):
            for name, mcp_server in cast("dict[str, Any]", configured).items():
                if isinstance(mcp_server, dict):
                    servers.append(((*where, name), name, cast("Json", mcp_server)))
        elif isinstance(configured, list):
            for number, mcp_server in enumerate(cast("list[Any]", configured)):
                if isinstance(mcp_server, dict):
                    server = cast("Json", mcp_server)
                    name = str(server.get("name") or f"server{number + 1}")
                    servers.append(((*where, number), name, server))
        entries = [self._server(*server) for server in servers]
        self._filter(backend, entries)
        if entries:
            self._made["mcp"] = entries

    def _server(self, place: Where, name: str, server: Json) -> Json:
        entry: Json = {"name": re.sub(r"_{2,}", "_", re.sub(r"[^\w-]", "-", name))}
        command = server.get("command")
        if server.get("url"):
            entry["url"] = self._filled("mcp_servers", str(server["url"]))
            headers = server.get("headers")
            if isinstance(headers, dict):
                entry["headers"] = {
                    str(k): str(v) for k, v in cast("Json", headers).items()
                }
        elif command:
            words = (*_many(command), *_many(server.get("args")))
            entry["command"] = [self._word(word) for word in words]
            env = server.get("env")
            if isinstance(env, dict):
                entry["env"] = {str(k): str(v) for k, v in cast("Json", env).items()}
        else:
            problem = "an MCP server needs a command or a url; add one"
            self._ledger.refuse(place, "an MCP server without command", problem)
        for key in server.keys() & set(HONOURED["mcp_server"]):
            self._ledger.honour((*place, key))
        if isinstance(server.get("allowed_tools"), list):
            entry["tools"] = [str(tool) for tool in server["allowed_tools"]]
        if server.get("defer_loading", self._is_searched):
            entry["defer_loading"] = True
        if isinstance(server.get("exclude_tools"), list):
            entry["exclude"] = [str(tool) for tool in server["exclude_tools"]]
        self._ledger.finish(place, "mcp_server", server)
        return entry

    def _word(self, word: str) -> str:
        """A word of a server's command, with its variables and ``${cwd}``."""
        folder = self.workspace or "."
        return self._filled("mcp_servers", word.replace("${cwd}", folder))

    def _filter(self, backend: Json, servers: Sequence[Json]) -> None:
        where = (*self._at, "backend")
        self._tools = filtered(self._ledger, where, backend, servers, self._tools)

    def _custom(self, backend: Json) -> None:
        """Python functions as tools."""
        configured = backend.get("custom_tools")
        place = self._place("custom_tools")
        left_out = backend.get("exclude_custom_tools")
        if left_out is not None:
            note = "custom tools are those that are named"
            self._ledger.pass_over(self._place("exclude_custom_tools"), note)
        if not isinstance(configured, list):
            return
        self._ledger.honour(place, "as 'tools', functions of those files")
        for number, tool in enumerate(cast("list[Any]", configured)):
            if isinstance(tool, dict):
                self._tools += self._functions((*place, number), cast("Json", tool))

    def _functions(self, place: Where, tool: Json) -> Iterator[Json]:
        path = tool.get("path")
        if not isinstance(path, str):
            problem = (
                f"custom tool {tool.get('name')!r} names no file, so it is one of "
                "MassGen's own; add 'path: tools.py' with a function of yours"
            )
            self._ledger.refuse(place, "custom tools without a file", problem)
            return
        file = self._sought(path)
        if file is None:
            problem = (
                f"custom tool {path!r} is not to be found from here or from the "
                "configuration's folder; check the path"
            )
            reason = "custom tools that are not there"
            self._ledger.refuse((*place, "path"), reason, problem)
            return
        if (module := beyond(file.read_text("utf-8", "replace"))) is not None:
            problem = (
                f"custom tool {path!r} imports {module}, which is not installed; "
                "install massgen beside this program, or leave that import out"
            )
            reason = "custom tools that need MassGen's package"
            self._ledger.refuse((*place, "path"), reason, problem)
            return
        names = _many(tool.get("function", tool.get("func")))
        descriptions = _many(tool.get("description"))
        if tool.get("preset_args"):
            self._ledger.decline(
                (*place, "preset_args"), "give the function those defaults"
            )
        for at, name in enumerate(names):
            entry: Json = {"function": f"{file}:{name}"}
            if tool.get("defer_loading", self._is_searched):
                entry["defer_loading"] = True
            if at < len(descriptions):
                entry["description"] = descriptions[at]
            yield entry

    def _sought(self, path: str) -> Path | None:
        """A file that the configuration names: from here, or from above itself."""
        folder = self._ledger.document.path.absolute().parent
        for base in (Path.cwd(), folder, *folder.parents):
            if (base / path).is_file():
                return (base / path).resolve()
        return None

    def _upload(self, backend: Json) -> None:
        files = backend.get("upload_files")
        if not isinstance(files, list):
            return
        place = self._place("upload_files")
        self._ledger.honour(place, "as 'attach', for all agents")
        for number, item in enumerate(cast("list[Any]", files)):
            entry = cast("Json", item) if isinstance(item, dict) else {"path": item}
            for key, source in entry.items():
                if key.startswith(("audio", "video")):
                    self._ledger.decline(
                        (*place, number, key), "models here read text, images and PDFs"
                    )
                elif isinstance(source, str):
                    self._attach((*place, number), source)

    def _attach(self, place: Where, source: str) -> None:
        file = source if "://" in source else self._sought(source)
        if file is None:
            problem = (
                f"{source!r} is not to be found from here or from the configuration's "
                "folder; check the path"
            )
            self._ledger.refuse(place, "files that are not there", problem)
            return
        self.uploads.append((place, str(file)))

    def _rest(self, backend: Json) -> None:
        """Convert all other keys: MassGen hands them to the API as they are."""
        place = self._place
        known_keys = known("backend")
        for key, value in backend.items():
            if key in known_keys or unknown_name(key, "backend") is not None:
                continue
            self._extra[key] = value
            self._ledger.honour(place(key), "to the API as it is, as in MassGen")
        self._ledger.finish((*self._at, "backend"), "backend", backend)


def _many(value: object) -> list[str]:
    if value is None:
        return []
    return [
        str(x) for x in cast("list[Any]", value if isinstance(value, list) else [value])
    ]
