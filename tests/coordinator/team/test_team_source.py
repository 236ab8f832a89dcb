"""Teams that are made again from what a journal keeps of them."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from coordinator.consensus.rules import SETTINGS
from coordinator.errors import ConfigInvalid
from coordinator.scenarios.reader import read_scenario
from coordinator.team.builder import assemble, team_of
from coordinator.team.reader import DEMO, parse_team, read_team
from coordinator.team.team_file_schema import TeamConfig, TeamFile
from coordinator.team.team_source import config_of, source_of

SHIPPED = Path(__file__).parents[3] / "scenarios"
TEAMS = [DEMO, *sorted(SHIPPED.rglob("*.yaml"))]
CANARY = "sk-ant-canary-0123456789"
ENVIRONMENT = {"ANTHROPIC_API_KEY": CANARY, "MY_KEY": CANARY}


def _read(path: Path) -> TeamConfig:
    is_scenario = "\nexpect:" in path.read_text()
    return read_scenario(path).config if is_scenario else read_team(path)


@pytest.mark.parametrize("path", TEAMS, ids=lambda path: path.stem)
def test_a_team_that_is_shipped_is_made_again_as_it_was(path: Path) -> None:
    config = _read(path)
    named = [entry.api_key_env for entry in config.agents if entry.api_key_env]
    environment = ENVIRONMENT | dict.fromkeys(named, CANARY)
    team = assemble(config, environment=environment)
    again = config_of(team.source)
    assert again.rules == config.rules
    assert again.scripts == config.scripts
    assert [a.id for a in again.agents] == [a.id for a in config.agents]
    for was, now in zip(config.agents, again.agents, strict=True):
        assert now == msgspec.structs.replace(was, script=None)
    for name in ("title", "seed", "answer_schema"):
        assert getattr(again.file, name) == getattr(config.file, name)
    second = team_of(team.source, environment=environment)
    assert second.source == team.source
    assert CANARY.encode() not in team.source
    assert [
        (a.id, type(a.backend), a.backend.model, a.system, len(a.tools))
        for a in second.with_models
    ] == [
        (a.id, type(a.backend), a.backend.model, a.system, len(a.tools))
        for a in team.with_models
    ]


def test_what_a_team_file_adds_later_is_kept_unless_rules_or_agents_say_it() -> None:
    elsewhere = {"agents", "defaults", "voting", "limits", "deadline_s", "final"}
    config = parse_team("agents: [{id: ada, model: m}]", Path("team.yaml"))
    told = msgspec.json.decode(source_of(config))["file"]
    assert set(TeamFile.__struct_fields__) - elsewhere <= set(told)


def test_rules_are_kept_whole_so_that_a_new_default_changes_no_old_session() -> None:
    config = parse_team("agents: [{id: ada, model: m}]", Path("team.yaml"))
    told = msgspec.json.decode(source_of(config))
    assert set(told["rules"]) == {"policy", *SETTINGS}


SECRETS = f"""\
agents:
  - id: ada
    model: claude-opus-5-5
    api_key_env: MY_KEY
    max_tokens: 4000
    base_url: https://user:{CANARY}@gateway.example/
    mcp_servers:
      - {{name: one, url: "https://mcp.example/", token: {CANARY}}}
      - {{name: two, type: url, url: "https://mcp.example/?api_key={CANARY}"}}
    extra: {{extra_headers: {{X-Api-Key: {CANARY}, Authorization: "Bearer {CANARY}"}}}}
    tools: [{{type: web_search_20250305, name: web_search, secret: {CANARY}}}]
defaults: {{extra: {{password: {CANARY}}}}}
"""


def test_no_key_gets_into_the_source_wherever_people_write_one() -> None:
    config = parse_team(SECRETS, Path("team.yaml"))
    team = assemble(config, environment=ENVIRONMENT)
    assert CANARY.encode() not in team.source
    assert CANARY.encode() not in bytes(team.described())
    kept = msgspec.json.decode(team.source)["agents"][0]
    assert (kept["api_key_env"], kept["max_tokens"]) == ("MY_KEY", 4000)
    with pytest.raises(ConfigInvalid, match=r"agents\[0\]\..* was a secret"):
        team_of(team.source, environment=ENVIRONMENT)


def test_tokens_in_a_script_are_words_and_stay() -> None:
    text = """\
agents:
  - id: ada
    script: {turns: [{lines: [{tool: look, input: {token: abc}}, {answer: So.}]}]}
"""
    config = parse_team(text, Path("team.yaml"))
    assert config_of(source_of(config)).scripts == config.scripts


EVERY_LINE = """\
agents:
  - id: ada
    script:
      model: claude-haiku-5-5
      turns:
        - when: {task: draft, sees: Paris, lacks: Rome, call: 1, after_error: false}
          repeat: true
          pings: false
          wire: {cut_bytes: 3, crlf: true}
          lines:
            - Only words
            - {text: "a", rate: 3, size: 2, delay_s: 0.5, citations: [{url: u}]}
            - {thinking: b}
            - {redacted_thinking: c}
            - {tool: d, input: {text: not a line}, input_text: "{"}
            - {answer: e, value: {text: [1, null]}}
            - {answer: e, value: null}
            - {vote: f, reason: g}
            - {vote: {own: true}}
            - {rank: [h, {label: agent1.1}, [i, {first: true}]]}
            - {approve: [j, {own: true}]}
            - {scores: {k: 3}}
            - {abstain: true}
            - {server_tool: web_search, input: {query: l}, result: [1], runs_s: 2}
            - {mcp_tool: m, server: n, input: {vote: x}, result: o, is_error: true}
            - {repeat_text: {text: p, times: 3, batch: 2}}
            - {block: {type: text, text: q}}
            - {usage: {input_tokens: 7}}
            - {container: r}
            - {ping: true}
            - {raw: "data: s"}
            - {error: {status: 529, type: t, message: u, retry_after_s: 3}}
            - {stall: true}
            - {truncate: true}
            - {disconnect: true}
            - {stop_reason: max_tokens}
"""


def test_a_line_of_every_kind_is_kept_with_all_it_says() -> None:
    config = parse_team(EVERY_LINE, Path("team.yaml"))
    assert config_of(source_of(config)).scripts == config.scripts


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (b"null", "made in Python"),
        (b"{", "cannot be read"),
        (b'{"file":{"agents":[]},"rules":{"new":1},"agents":[],"scripts":{}}', "later"),
        (
            b'{"file":{"agents":[]},"rules":{},"agents":[],"scripts":{"a":{"song":1}}}',
            "song",
        ),
    ],
)
def test_a_source_that_is_none_is_said_in_one_sentence(
    source: bytes, said: str
) -> None:
    with pytest.raises(ConfigInvalid, match=said):
        config_of(source)


PLANTED = """
question: q
agents:
  - id: ada
    model: claude-sonnet-5-5
    extra: {extra_headers: {X-Company-Pass: CANARY1, Proxy-Auth: CANARY2}}
    mcp:
      - name: s1
        command: [python3, s.py, --token, CANARY3, --api-key=CANARY4, -e, PAT=CANARY5]
        env: {DATABASE_URL: "postgres://u:CANARY6@h/db", GH_PAT: CANARY7, OWN: $MINE}
      - {name: s2, url: "https://h/s/CANARY8/mcp", headers: {X-Whatever: CANARY9}}
"""


def test_no_literal_value_that_may_be_a_secret_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINE", "of my own")
    path = tmp_path / "team.yaml"
    path.write_text(PLANTED)
    kept = source_of(read_team(path))
    assert b"CANARY" not in kept
    for name in (b"$MINE", b"GH_PAT", b"X-Whatever", b"https://h/", b"--token"):
        assert name in kept
    # The team file says them again, as long as it is there.
    again = config_of(kept)
    assert again.agents == read_team(path).agents
    path.unlink()
    with pytest.raises(ConfigInvalid, match=r"env.GH_PAT.*was a secret"):
        config_of(kept)
