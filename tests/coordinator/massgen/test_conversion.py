from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from coordinator import run
from coordinator.errors import ConfigInvalid
from coordinator.massgen.configuration import is_configuration, parse
from coordinator.massgen.conversion import Converted, convert, team_of
from coordinator.massgen.key_table import HONOURED, NO_EFFECT, NOT_SUPPORTED, known
from coordinator.massgen.team_file import team_file
from coordinator.team.emulation import at_work, to_emulate
from coordinator.team.function_tools import functions
from coordinator.team.reader import parse_team
from coordinator.team.team_file_schema import TeamConfig

HERE = Path("their.yaml")


def of(text: str, **environment: str) -> Converted:
    return convert(parse(text, HERE), environment)


def team(text: str, **environment: str) -> TeamConfig:
    return team_of(of(text, **environment))


def agent(*lines: str, type_: str = "openai", model: str = "gpt-5-mini") -> str:
    """A configuration of one agent with further lines under its backend."""
    head = f"agents:\n- id: one\n  backend:\n    type: {type_}\n    model: {model}\n"
    return head + "".join(f"    {line}\n" for line in lines)


def rows(text: str) -> dict[str, tuple[str, str]]:
    return {row.key: (row.verdict, row.note) for row in of(text).rows}


MIXED = """
agents:
  - id: "gemini2.5flash"
    backend: {type: gemini, model: gemini-2.5-flash, enable_web_search: true}
  - id: "gpt"
    backend:
      type: openai
      model: gpt-5-nano
      text: {verbosity: medium}
      reasoning: {effort: medium, summary: auto}
      enable_code_interpreter: true
    system_message: Be brief.
  - id: claude
    backend: {type: claude, model: claude-sonnet-4-20250514, temperature: 0.3}
orchestrator:
  max_new_answers_per_agent: 2
  answer_novelty_requirement: strict
  fairness_lead_cap_answers: 1
  final_answer_strategy: synthesize
  coordination: {max_orchestration_restarts: 1}
timeout_settings: {orchestrator_timeout_seconds: 90}
ui: {display_type: simple, logging_enabled: true}
"""


def test_agents_of_several_makers_become_a_team_with_their_settings() -> None:
    config = team(MIXED)
    gemini, gpt, claude = config.agents
    assert (gemini.backend, gemini.model) == ("gemini", "gemini-2.5-flash")
    assert gemini.tools == ("web_search",)
    assert gpt.system == "Be brief."
    assert (gpt.effort, gpt.thinking) == ("medium", "adaptive")
    assert gpt.tools == ("code_execution",)
    assert gpt.extra == {"text": {"verbosity": "medium"}}
    assert (claude.backend, claude.extra) == ("claude", {"temperature": 0.3})


def test_a_team_decides_by_the_rules_that_the_orchestrator_section_says() -> None:
    rules = team(MIXED).rules
    assert rules.policy == "massgen"
    assert rules.limits.answers_per_agent == 2
    assert rules.limits.lead == 1
    assert rules.final.restarts == 1
    assert rules.drafting.duplicate_over == 0.5
    assert rules.final.mode == "synthesise"
    assert rules.limits.deadline_s == 90


def test_display_of_theirs_is_one_of_ours() -> None:
    assert of(MIXED).display == "plain"


def test_a_single_agent_stands_under_agent() -> None:
    text = "agent:\n  id: solo\n  backend: {type: claude, model: claude-haiku-4-5}\n"
    assert [each.id for each in team(text).agents] == ["solo"]


def test_anchors_and_merge_keys_are_read_as_massgen_reads_them() -> None:
    text = (
        "base: &base {type: openai, model: gpt-5-mini}\n"
        "agents:\n- id: a\n  backend: *base\n- id: b\n  backend:\n    <<: *base\n"
        "    model: gpt-5\n"
    )
    assert [each.model for each in team(text).agents] == ["gpt-5-mini", "gpt-5"]


def test_aliases_that_unfold_into_too_much_are_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(ConfigInvalid, match="unfolds into more than"):
        parse("\n".join(lines), HERE)


@pytest.mark.parametrize(
    ("text", "is_theirs"),
    [
        (MIXED, True),
        ('{"agents": [{"id": "a", "backend": {"type": "openai"}}]}', True),
        ("orchestrator: {}\n", True),
        ("agents:\n- {id: a, backend: scripted, script: {turns: []}}\n", False),
        ("agents:\n- {id: a, model: claude-haiku-4-5}\n", False),
        ("not: [yaml", False),
        ("", False),
    ],
)
def test_a_configuration_is_told_from_a_team_file(
    text: str, is_theirs: bool, tmp_path: Path
) -> None:
    path = tmp_path / "file.yaml"
    path.write_text(text)
    assert is_configuration(path) is is_theirs


def test_an_agent_of_a_kind_that_is_not_here_is_named_with_the_way_out() -> None:
    text = agent(type_="codex")
    with pytest.raises(ConfigInvalid, match=r"their.yaml:4: .*'one'.*codex.*--as"):
        team(text)
    stood_in = convert(parse(text, HERE), {}, "openai/gpt-5-mini")
    (entry,) = team_of(stood_in).agents
    assert (entry.backend, entry.model) == ("openai", "gpt-5-mini")


@pytest.mark.parametrize(
    ("model", "backend"),
    [
        ("claude-sonnet-4-20250514", "claude"),
        ("gpt-5-mini", "openai"),
        ("o3-mini", "openai"),
        ("gemini-2.5-flash", "gemini"),
        ("grok-4", "grok"),
    ],
)
def test_a_backend_without_a_type_is_known_by_its_model(
    model: str, backend: str
) -> None:
    text = f"agents:\n- {{id: one, backend: {{model: {model}}}}}\n"
    (entry,) = team(text).agents
    assert (entry.backend, entry.model) == (backend, model)


def test_a_model_that_is_missing_makes_no_slip_of_the_type() -> None:
    told = rows("agents:\n- {id: one, backend: {type: openai, modle: gpt-5}}\n")
    assert told["agents[0].backend.type"][0] == "honoured"
    assert told["agents[0].backend.modle"] == ("unknown", "did you mean 'model'?")
    assert told["agents[0].backend.model"][0] == "not supported"


def test_a_slip_is_told_from_a_key_that_only_the_api_knows() -> None:
    told = rows(agent("enable_web_serach: true", "seed: 7"))
    assert told["agents[0].backend.enable_web_serach"] == (
        "unknown",
        "did you mean 'enable_web_search'?",
    )
    assert told["agents[0].backend.seed"][0] == "honoured"
    assert team(agent("seed: 7")).agents[0].extra == {"seed": 7}


def test_a_key_in_the_wrong_place_is_told_where_it_stands() -> None:
    text = agent() + "max_new_answers_per_agent: 2\n"
    verdict, note = rows(text)["max_new_answers_per_agent"]
    assert (verdict, note) == (
        "unknown",
        "no key of this place; it stands under 'orchestrator'",
    )


TWO = """
agents:
- {id: one, backend: {type: openai, model: gpt-5-mini}}
- {id: two, backend: {type: openai, model: gpt-5-mini}}
orchestrator: """
SYNTHESIS = "{final_answer_strategy: synthesize"
DEFERRED = "defer_voting_until_all_answered: true"


@pytest.mark.parametrize(
    ("orchestrator", "panel", "final"),
    [
        (f"{SYNTHESIS}, max_new_answers_per_agent: 1}}", 0, "s"),
        (f"{SYNTHESIS}, max_new_answers_per_agent: 2}}", None, "s"),
        (f"{SYNTHESIS}, max_new_answers_per_agent: 1, {DEFERRED}}}", None, "s"),
        ("{final_answer_strategy: winner_present, skip_voting: true}", 0, "p"),
        (f"{SYNTHESIS}, skip_voting: true, skip_final_presentation: true}}", 0, "r"),
    ],
)
def test_no_vote_is_held_where_massgen_holds_none(
    orchestrator: str, panel: int | None, final: str
) -> None:
    rules = team(TWO + orchestrator).rules
    assert rules.voting.panel == panel
    assert rules.drafting.revise == (panel is None)
    assert rules.voting.ties == "listed"
    modes = {"s": "synthesise", "p": "present", "r": "reuse"}
    assert rules.final.mode == modes[final]


@pytest.mark.real_time
async def test_one_answer_is_made_of_all_without_a_vote() -> None:
    config = team(f"{TWO}{SYNTHESIS}, max_new_answers_per_agent: 1}}")
    async with at_work(to_emulate(config)) as working:
        result = await run("Which one?", working)
    assert (result.status, result.winner) == ("answered", "one")
    assert result.votes == ()


def test_every_key_of_a_file_has_a_row() -> None:
    told = rows(MIXED)
    for key in ("orchestrator.coordination.max_orchestration_restarts", "ui"):
        assert told[key][0] == "honoured"
    assert {verdict for verdict, _ in told.values()} == {"honoured"}


def test_what_is_off_is_honoured_by_doing_nothing() -> None:
    text = agent() + "memory: {enabled: false}\nnlip: {enabled: true}\n"
    told = rows(text)
    assert told["memory"] == ("honoured", "it is off, as here")
    assert told["nlip"][0] == "not supported"


def test_a_key_is_never_taken_out_of_a_file() -> None:
    entry = team(agent("api_key: ${THEIR_KEY}")).agents[0]
    assert entry.api_key_env == "THEIR_KEY"
    with pytest.raises(ConfigInvalid, match="a key has no place in a file"):
        team(agent("api_key: sk-secret"))
    assert "sk-secret" not in str(of(agent("api_key: sk-secret")).rows)


def test_a_variable_that_is_not_set_is_named() -> None:
    text = agent("base_url: ${WHERE}")
    with pytest.raises(ConfigInvalid, match="WHERE is not set"):
        team(text)
    assert team(text, WHERE="https://x.example/v1").agents[0].base_url == (
        "https://x.example/v1"
    )


@pytest.mark.parametrize(
    ("lines", "server", "key"),
    [
        (["base_url: https://openrouter.ai/api/v1"], "openrouter", None),
        (
            ["base_url: https://api.fireworks.ai/inference/v1"],
            None,
            "FIREWORKS_API_KEY",
        ),
        (["base_url: https://api.cerebras.ai/v1/chat/completions"], "cerebras", None),
    ],
)
def test_a_chat_completions_agent_is_known_by_its_address(
    lines: list[str], server: str | None, key: str | None
) -> None:
    (entry,) = team(agent(*lines, type_="chatcompletion")).agents
    assert (entry.backend, entry.server) == ("compatible", server)
    assert entry.api_key_env == key


def test_mcp_servers_keep_their_variables_and_lose_excluded_tools() -> None:
    text = agent(
        "cwd: work",
        "mcp_servers:",
        "- {name: notes, type: stdio, command: npx, args: [-y, notes, '${cwd}'],",
        "   env: {TOKEN: '${TOKEN}'}}",
        "exclude_tools: [mcp__notes__delete, other__x]",
    )
    (server,) = team(text).agents[0].mcp
    assert server.command == ("npx", "-y", "notes", "work")
    assert server.env == {"TOKEN": "${TOKEN}"}
    assert "delete" in server.exclude


def test_a_working_folder_brings_an_editor_and_a_shell_where_it_is_asked_for() -> None:
    lines = ("cwd: work", "enable_mcp_command_line: true")
    (entry,) = team(agent(*lines)).agents
    assert (entry.workspace, entry.tools) == ("work", ("text_editor", "bash"))
    (bare,) = team(agent(*lines, "exclude_file_operation_mcps: true")).agents
    assert bare.tools == ("bash",)


TOOL = """
from massgen.tool._result import ExecutionResult, TextContent

async def add(a: int, b: int) -> ExecutionResult:
    "Add two numbers."
    return ExecutionResult(output_blocks=[TextContent(data=str(a + b))])
"""


def test_a_custom_tool_runs_without_massgens_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tools.py").write_text(TOOL)
    entry = team(agent("custom_tools: [{path: tools.py, function: [add]}]")).agents[0]
    (tool,) = functions("one", entry.tools)
    assert (tool.name, tool.spec.description) == ("add", "Add two numbers.")
    (tmp_path / "tools.py").write_text("import massgen.orchestrator\n")
    with pytest.raises(ConfigInvalid, match=r"imports massgen\.orchestrator"):
        team(agent("custom_tools: [{path: tools.py, function: [add]}]"))
    with pytest.raises(ConfigInvalid, match="not to be found"):
        team(agent("custom_tools: [{path: nowhere.py, function: [add]}]"))


def test_a_converted_file_reads_as_the_same_team() -> None:
    text = team_file(of(MIXED))
    again = parse_team(text, Path("ours.yaml"))
    assert again.agents == team(MIXED).agents
    assert again.rules == team(MIXED).rules


def test_what_cannot_be_taken_over_heads_a_converted_file() -> None:
    text = team_file(of(agent() + "memory: {enabled: true}\n"))
    assert "# line 6: memory: no vector memory" in text


@pytest.mark.parametrize(
    "text",
    [
        "agents: []\n",
        "agents: [3]\n",
        "agents:\n- {id: a}\n",
        "agents:\n- {id: a, backend: {type: openai}}\n",
        "agents:\n- {id: a, backend: {}}\n",
        "orchestrator: 3\nagents: 7\n",
        "agent: {backend: {type: openai, model: x}}\nagents: []\n",
        "agents:\n- {id: 'a b', backend: {type: openai, model: [1]}}\n",
        "agents:\n- {id: a, backend: {type: openai, model: m, max_tokens: many}}\n",
        "agents:\n- {id: a, backend: {type: openai, model: m, mcp_servers: [{}]}}\n",
        "agents:\n- {id: a, backend: {type: chatcompletion, model: m}}\n",
        "[1, 2]\n",
    ],
)
def test_a_file_that_makes_no_sense_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(ConfigInvalid, match=r"their\.yaml"):
        team(text)


def test_no_key_has_two_verdicts() -> None:
    for section in HONOURED.keys() | NO_EFFECT.keys() | NOT_SUPPORTED.keys():
        told: list[Any] = list(known(section))
        assert sorted(set(told)) == sorted(told), section


def test_a_shell_that_is_excluded_is_not_given() -> None:
    lines = ["cwd: work", "enable_mcp_command_line: true"]
    shut = "exclude_tools: [mcp__command_line__execute_command]"
    assert team(agent(*lines, shut)).agents[0].tools == ("text_editor",)
    assert rows(agent(*lines, shut))["agents[0].backend.exclude_tools"] == (
        "honoured",
        "without 'bash'",
    )
    allowed = "allowed_tools: [execute_command]"
    assert "bash" in team(agent(*lines, allowed)).agents[0].tools
    assert "bash" not in team(agent(*lines, "allowed_tools: [look]")).agents[0].tools


def test_an_editor_of_which_a_part_is_excluded_is_named() -> None:
    told = rows(agent("cwd: work", "exclude_tools: [mcp__filesystem__write_file]"))
    verdict, note = told["agents[0].backend.exclude_tools"]
    assert (verdict, "leave out 'cwd'" in note) == ("not supported", True)
