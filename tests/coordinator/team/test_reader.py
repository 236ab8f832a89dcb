"""Team files: what may be written, and what is said about the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from coordinator.ballots import Schulze, Supermajority
from coordinator.consensus.rules import SETTINGS, Rules
from coordinator.errors import ConfigInvalid
from coordinator.team.reader import DEMO, parse_team, read_team
from coordinator.team.team_file_schema import LIMITS, TOP

SCENARIOS = Path(__file__).parents[3] / "scenarios"
FILE = Path("team.yaml")

TEAM = """\
question: Why?
agents:
  - id: ada
    model: claude-opus-5-5
    tools: [web_search, json:dumps]
  - id: bo
    script:
      turns: [{lines: [{answer: So.}]}]
defaults:
  max_tokens: 4000
  model: claude-haiku-5-5
voting:
  policy: revision
  rule: {kind: supermajority, share: 0.75}
  weights: {ada: 2}
limits: {attempts: 5}
deadline_s: 90
final: reuse
"""


def test_a_team_file_says_who_and_how() -> None:
    team = parse_team(TEAM, FILE)
    ada, bo = team.agents
    assert (ada.backend, ada.model, ada.max_tokens) == (
        "claude",
        "claude-opus-5-5",
        4000,
    )
    assert (bo.backend, bo.model) == ("scripted", "claude-haiku-5-5")
    assert ada.tools == ("web_search", "json:dumps")
    assert list(team.scripts) == ["bo"]
    rules = team.rules
    assert rules.voting.rule == Supermajority(share=0.75)
    assert (rules.policy, rules.drafting.revise) == ("revision", True)
    assert (rules.voting.weights, rules.limits.attempts) == ({"ada": 2.0}, 5)
    assert (rules.limits.deadline_s, rules.final.mode) == (90.0, "reuse")


def test_a_rule_may_be_named_in_one_word() -> None:
    team = parse_team("agents: [{id: a, model: m}]\nvoting: {rule: schulze}", FILE)
    assert team.rules.voting.rule == Schulze()


def test_what_is_left_out_is_the_preset() -> None:
    assert parse_team("agents: [{id: a, model: m}]", FILE).rules == Rules()


def test_every_rule_has_one_place_in_the_file() -> None:
    assert set(LIMITS) | set(TOP) <= set(SETTINGS)
    assert not set(LIMITS) & set(TOP)


def test_a_script_under_defaults_is_every_agents() -> None:
    text = "agents: [{id: a}, {id: b}]\ndefaults: {script: {turns: [{lines: [Hi.]}]}}"
    team = parse_team(text, FILE)
    assert team.scripts["a"] == team.scripts["b"]


def test_a_script_may_be_a_file_beside_the_team(tmp_path: Path) -> None:
    (tmp_path / "said.yaml").write_text("turns: [{lines: [Hello.]}]")
    (tmp_path / "team.yaml").write_text("agents: [{id: a, script: said.yaml}]")
    assert len(read_team(tmp_path / "team.yaml").scripts["a"].turns) == 1
    (tmp_path / "said.yaml").write_text("turns:\n  - lines:\n    - {txt: Hello.}")
    with pytest.raises(ConfigInvalid, match=r"said\.yaml:3: turns\[0\]\.lines\[0\]"):
        read_team(tmp_path / "team.yaml")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "agents:\n- id: a\n  modle: m",
            "team.yaml:3: agents[0].modle: unknown key 'modle'; did you mean 'model'?",
        ),
        (
            "agents: [{id: a, model: m}]\nvote: {}",
            "team.yaml:2: vote: unknown key 'vote'; did you mean 'voting'?",
        ),
        (
            "agents:\n- model: m",
            "team.yaml:2: agents[0]: key 'id' is missing; add it",
        ),
        (
            "agents:\n- id: a\n  model: m\n  effort: hihg",
            "team.yaml:4: agents[0].effort: unknown value 'hihg'; did you mean 'high'?",
        ),
        (
            "agents:\n- id: a\n  model: m\n  max_tokens: many",
            (
                "team.yaml:4: agents[0].max_tokens: 'many' will not do; "
                "expected int | null"
            ),
        ),
        (
            "agents:\n- id: a\n  model: m\n  tool_timeout_s: -1",
            ("team.yaml:4: agents[0].tool_timeout_s: -1 will not do; use more than 0"),
        ),
        (
            "agents: [{id: a, model: m}]\nvoting:\n  rule: bordaa",
            (
                "team.yaml:3: voting.rule: voting rule 'bordaa' is unknown; "
                "did you mean 'borda'?"
            ),
        ),
        (
            "agents: [{id: a, model: m}]\nvoting:\n  rule: {kind: score, max: 3}",
            (
                "team.yaml:3: voting.rule.max: unknown key 'max'; "
                "did you mean 'max_score'?"
            ),
        ),
        (
            "agents: [{id: a, model: m}]\nvoting:\n  weights:\n    bob: 2",
            (
                "team.yaml:4: voting.weights.bob: 'bob' is not in the team; "
                "name one of its agents"
            ),
        ),
        (
            "agents: [{id: a, model: m}]\nvoting: {policy: quick}",
            (
                "team.yaml:2: voting.policy: policy 'quick' is unknown; "
                "choose from ensemble, evidence, massgen, revision, slate"
            ),
        ),
        (
            "agents:\n- {id: a, model: m}\n- {id: b, model: m}\n- {id: a, model: m}",
            "team.yaml:4: agents[2].id: 'a' is agents[0] already; ids differ",
        ),
        (
            "agents:\n- id: a",
            (
                "team.yaml:2: agents[0]: a claude agent needs a model, "
                "e.g. 'model: claude-sonnet-5-5'"
            ),
        ),
        (
            "agents:\n- id: a\n  backend: scripted",
            "team.yaml:2: agents[0]: a scripted agent needs a script; add 'script:'",
        ),
        (
            "agents:\n- id: a\n  script:\n    turns:\n    - lines:\n      - {txt: x}",
            (
                "team.yaml:6: agents[0].script.turns[0].lines[0]: "
                "no kind of line among txt; did you mean 'text'?"
            ),
        ),
        (
            "agents:\n- id: a\n  model: m\n  tools:\n  - web_serch",
            (
                "team.yaml:5: agents[0].tools[0]: server tool 'web_serch' is unknown; "
                "did you mean 'web_search'? choose from advisor, code_execution, "
                "tool_search, tool_search_bm25, tool_search_regex, web_fetch, "
                "web_search, bash, text_editor, memory"
            ),
        ),
        (
            (
                "agents: [{id: a, model: m}]\ndefaults:\n  tools:\n"
                "  - {type: web_search, max_uses: 0}"
            ),
            (
                "team.yaml:4: defaults.tools[0]: web_search_20260318: max_uses: 0 will "
                "not do; give 1 or more, or leave the tool out"
            ),
        ),
        (
            "agents: [{id: a, model: m}]\ndefaults:\n  resource: mine",
            (
                "team.yaml:3: defaults.resource: provider anthropic has none; "
                "foundry and azure have"
            ),
        ),
        (
            "agents: [{id: a, model: m}]\ndefaults:\n  base_url: gateway/claude",
            (
                "team.yaml:3: defaults.base_url: 'gateway/claude' is no address; begin "
                "it with https:// or http://"
            ),
        ),
        (
            "agents:\n- {id: a, model: m, thinking: 500}",
            (
                "team.yaml:2: agents[0]: thinking: 500 tokens must be at least 1024 "
                "and fewer than max_tokens, 16000; change either"
            ),
        ),
        (
            (
                "agents: [{id: a, model: m}]\nanswer_schema:\n  type: object\n"
                "  properties:\n    name: {type: strin}"
            ),
            (
                "team.yaml:5: answer_schema.properties.name.type: no JSON Schema: "
                "'strin' is not one of ['array', 'boolean', 'integer', 'null', "
                "'number', 'object', 'string']"
            ),
        ),
        (
            "agents: [{id: a}]\ndefaults:\n  script:\n    turns: [{lins: []}]",
            (
                "team.yaml:4: defaults.script.turns[0]: a turn has no 'lins'; did you "
                "mean 'lines'?"
            ),
        ),
        (
            "agents:\n- id: a\n  model: m\n  tools: [bash]",
            (
                "team.yaml:4: agents[0].tools[0]: bash needs a folder to work in; "
                "add e.g. 'workspace: work'"
            ),
        ),
        (
            "agents: [{id: a, model: m}]\nvoting:\n  rubric: [clear, true]",
            (
                "team.yaml:3: voting.rubric[1]: true will not do; expected text: put "
                "it in quotes, 'true'"
            ),
        ),
        (
            "agents:\n- id: a\n  model: m\n  workspace_shown: true",
            (
                "team.yaml:4: agents[0].workspace_shown: the agent has no tool that "
                "makes files; add bash or text_editor, or leave it out"
            ),
        ),
        (
            (
                "voting:\n  checks: ['pytest -q']\nagents:\n- id: ada\n  model: m\n"
                "  tools: [bash]\n  workspace: work\n  place: ray"
            ),
            (
                "team.yaml:8: agents[0].place: check 'pytest -q' is a command, which "
                "runs where the session is, and 'ada' has its workspace at another "
                "place; leave out the place, or check by a function, a pattern or a "
                "schema"
            ),
        ),
        ("agents: []", "team.yaml:1: agents: is empty; add an agent"),
        ("- a", "team.yaml:1: a team file is a mapping; begin with 'agents:'"),
        ("", "team.yaml:1: a team file is a mapping; begin with 'agents:'"),
        ("agents: &a []", "team.yaml:1: &a is an anchor; write it out"),
        ("agents:\n  *a", "team.yaml:2: *a is an alias; write it out"),
        (
            "agents: !!python/object/apply:os.system [ls]",
            (
                "team.yaml:1: the tag 'tag:yaml.org,2002:python/object/apply:"
                "os.system' is not allowed; leave it out"
            ),
        ),
        (
            "title: a\nagents: []\ntitle: b",
            "team.yaml:3: key 'title' was given in line 1 already; keep one",
        ),
        ("[1]: 2", "team.yaml:1: a key must be a plain word"),
        ("a: 1\n---\nb: 2", "team.yaml:2: holds a second document; keep one"),
        ("a: " + "[" * 100_000, "team.yaml:1: is more than 32 levels deep"),
        ("[" * 5_000 + "]" * 5_000, "team.yaml:1: is more than 32 levels deep"),
        ("{a: " * 5_000, "team.yaml:1: is more than 32 levels deep"),
        ("- " * 5_000, "team.yaml:1: is more than 32 levels deep"),
    ],
)
def test_what_is_wrong_is_said_with_its_line_and_the_way_out(
    text: str, said: str
) -> None:
    with pytest.raises(ConfigInvalid) as caught:
        parse_team(text, FILE)
    assert str(caught.value) == said


def test_where_the_parser_says_what_is_wrong_the_line_is_named() -> None:
    with pytest.raises(ConfigInvalid) as caught:
        parse_team("a:\n  'x", FILE)
    assert str(caught.value).startswith("team.yaml:2: not YAML: ")


def test_a_file_that_cannot_be_read_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match="name a file that exists"):
        read_team(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"title: caf\xe9")
    with pytest.raises(ConfigInvalid, match="save it as UTF-8"):
        read_team(tmp_path / "latin.yaml")
    (tmp_path / "large.yaml").write_bytes(b"# " + b"x" * (1 << 20))
    with pytest.raises(ConfigInvalid, match="larger than"):
        read_team(tmp_path / "large.yaml")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("no", "no"),
        ("on", "on"),
        ("yes", "yes"),
        ("12:30", "12:30"),
        ("2026-11-22", "2026-11-22"),
        ("1_000", "1_000"),
        ("9" * 5000, "9" * 5000),
        ("'true'", "true"),
        ("''", ""),
    ],
)
def test_a_word_stays_a_word(written: str, meant: str) -> None:
    text = f"agents: [{{id: a, model: m}}]\ntitle: {written}"
    assert parse_team(text, FILE).file.title == meant


def test_settings_that_contradict_each_other_are_refused_by_line() -> None:
    text = "agents: [{id: a, model: m}]\nvoting: {policy: slate, revise: true}"
    with pytest.raises(ConfigInvalid, match=r"team.yaml:2: voting: .*committee_over"):
        parse_team(text, FILE)


@pytest.mark.parametrize(
    "path", [*SCENARIOS.glob("*.yaml"), DEMO], ids=lambda p: p.name
)
def test_what_ships_can_be_read(path: Path) -> None:
    assert read_team(path).agents


def test_weights_are_learned_from_records() -> None:
    records = "records: {ada: {right: 18, judged: 20}, bo: {right: 9, judged: 20}}\n"
    weights = parse_team(TEAM.replace("  weights: {ada: 2}\n", "") + records, FILE)
    assert weights.rules.voting.weights["ada"] > 1 > weights.rules.voting.weights["bo"]
    with pytest.raises(ConfigInvalid, match="given, or learned from records"):
        parse_team(TEAM + records, FILE)
    with pytest.raises(ConfigInvalid, match="'bob' is not in the team"):
        parse_team(
            TEAM.replace("  weights: {ada: 2}\n", "") + records.replace("bo:", "bob:"),
            FILE,
        )


@pytest.mark.parametrize("model", ["''", "' '"])
def test_a_claude_agent_whose_model_is_blank_has_none(model: str) -> None:
    text = f"agents: [{{id: ada, model: {model}}}]"
    with pytest.raises(ConfigInvalid, match="a claude agent needs a model"):
        parse_team(text, Path("team.yaml"))


MANY = """\
agents:
- id: ada
  modle: m
- id: bob
  model: m
  max_tokens: many
- id: bob
  model: m
- model: m
- id: eve
- id: zoe
  model: m
  tools: [bash]
voting: {policy: slat, panel: -1, weights: {nobody: 1, eve: 2}}
limits: {attempts: 0}
deadline_s: -1
tittle: x
"""


def test_all_that_is_wrong_with_a_file_is_told_in_one_go() -> None:
    with pytest.raises(ConfigInvalid) as caught:
        parse_team(MANY, FILE)
    faults = caught.value.faults
    assert str(caught.value).splitlines() == [str(fault) for fault in faults]
    assert [(fault.line, fault.key) for fault in faults] == [
        (3, "agents[0].modle"),
        (6, "agents[1].max_tokens"),
        (7, "agents[2].id"),
        (9, "agents[3]"),
        (10, "agents[4]"),
        (13, "agents[5].tools[0]"),
        (14, "voting.panel"),
        (14, "voting.policy"),
        (14, "voting.weights.nobody"),
        (15, "limits.attempts"),
        (16, "deadline_s"),
        (17, "tittle"),
    ]
    assert all(fault.path == FILE and fault.problem for fault in faults)


def test_a_fault_is_not_told_again_as_what_follows_from_it() -> None:
    with pytest.raises(ConfigInvalid) as caught:
        parse_team("agents:\n- id: 5\n  model: [m]\n", FILE)
    assert [fault.key for fault in caught.value.faults] == [
        "agents[0].id",
        "agents[0].model",
    ]
