"""Rules as a constructor: what a file may say, with the same sentences."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any, cast, get_args

import msgspec
import pytest

from coordinator.ballots import Borda, Plurality, RankedPairs
from coordinator.consensus.rules import (
    PARTS,
    SETTINGS,
    Adaptive,
    Division,
    Limits,
    PolicyName,
    RuleChanges,
    Rules,
    Straggler,
    Topology,
    Voting,
)
from coordinator.errors import ConfigInvalid
from coordinator.team.reader import parse_team
from coordinator.team.team import read_described

FILE = Path("team.yaml")
AGENTS = "agents: [{id: a, model: m}]\n"
GOLDEN = Path(__file__).parents[2] / "golden" / "rules-1.jsonl"


@pytest.mark.parametrize("policy", get_args(PolicyName))
def test_rules_of_a_policy_are_what_a_file_of_that_policy_says(policy: Any) -> None:
    written = parse_team(f"{AGENTS}voting: {{policy: {policy}}}", FILE).rules
    assert Rules(policy) == Rules(policy=policy) == written
    assert written.policy == policy


def test_massgens_policy_votes_while_answers_arrive() -> None:
    rules = Rules(policy="massgen")
    assert rules.voting.rule == Plurality()
    assert rules.drafting.review_opens == "own_drafted"
    assert rules.limits.lead == 2


def test_a_setting_changes_the_policy_it_is_given_with() -> None:
    rules = Rules(policy="massgen", rule="borda", deadline_s=600, final="reuse")
    assert rules.voting.rule == Borda()
    assert (rules.limits.deadline_s, rules.final.mode) == (600.0, "reuse")
    assert rules.drafting.revise
    assert rules.replace(final="present", restarts=1).limits.deadline_s == 600.0


def test_a_part_stands_in_place_of_the_policys_own() -> None:
    rules = Rules(
        "massgen",
        limits=Limits(attempts=1),
        voting=Voting(committee_over=None),
    )
    assert rules.limits.lead is None
    assert rules.voting.rule == Borda()


def test_a_voting_rule_is_spelled_as_in_a_file() -> None:
    assert Rules(rule="ranked-pairs").voting.rule == RankedPairs()
    assert Rules(rule={"kind": "majority", "fallback": "borda"}) == Rules(
        rule={"kind": "majority", "fallback": {"kind": "borda"}}
    )


@pytest.mark.parametrize(
    ("settings", "written", "where", "sentence"),
    [
        (
            {"policy": "slat"},
            "voting: {policy: slat}",
            "voting.policy",
            "policy 'slat' is unknown; did you mean 'slate'?",
        ),
        (
            {"rule": "bordda"},
            "voting: {rule: bordda}",
            "voting.rule",
            "voting rule 'bordda' is unknown; did you mean 'borda'?",
        ),
        (
            {"judges": "three"},
            "voting: {judges: three}",
            "voting.judges",
            "'three' will not do; expected int",
        ),
        (
            {"panel": -1},
            "voting: {panel: -1}",
            "voting.panel",
            "-1 will not do; use at least 0",
        ),
        (
            {"straggler": Straggler(share=3)},
            "voting: {straggler: {share: 3}}",
            "voting.straggler.share",
            "3 will not do; use at most 1",
        ),
        (
            {"straggler": Straggler(factor=-5)},
            "voting: {straggler: {factor: -5}}",
            "voting.straggler.factor",
            "-5 will not do; use more than 0",
        ),
        (
            {"attempts": 0},
            "limits: {attempts: 0}",
            "limits.attempts",
            "0 will not do; use at least 1",
        ),
        (
            {"deadline_s": -1},
            "deadline_s: -1",
            "deadline_s",
            "-1 will not do; use more than 0",
        ),
        (
            {"advance": 16},
            "voting: {advance: 16}",
            "voting",
            (
                "'advance' is 16, but a committee of 'committee_size: 16' shall send "
                "fewer on than it has; set it lower"
            ),
        ),
    ],
)
def test_a_constructor_says_what_a_file_is_told(
    settings: dict[str, Any], written: str, where: str, sentence: str
) -> None:
    with pytest.raises(ConfigInvalid) as of_file:
        parse_team(AGENTS + written, FILE)
    assert str(of_file.value) == f"team.yaml:2: {where}: {sentence}"
    with pytest.raises(ConfigInvalid) as of_constructor:
        Rules(**settings)
    assert of_constructor.value.problem == sentence


def test_an_error_of_a_file_carries_its_place_as_data() -> None:
    with pytest.raises(ConfigInvalid) as caught:
        parse_team(AGENTS + "voting: {panel: -1}", FILE)
    error = caught.value
    assert (error.path, error.line, error.key) == (FILE, 2, "voting.panel")
    assert error.problem == "-1 will not do; use at least 0"


def test_a_misspelt_setting_is_refused_with_the_nearest() -> None:
    misspelt: dict[str, Any] = {"pannel": 3}
    with pytest.raises(ConfigInvalid, match="did you mean 'panel'"):
        Rules(**misspelt)
    with pytest.raises(ConfigInvalid, match="did you mean 'panel'"):
        Rules().replace(**misspelt)


def test_a_part_of_another_kind_is_refused() -> None:
    wrong: dict[str, Any] = {"limits": Voting()}
    with pytest.raises(ConfigInvalid, match="expected Limits"):
        Rules(**wrong)
    with pytest.raises(ConfigInvalid, match="quorum: 7 will not do"):
        Rules(voting=Voting(quorum=7))


def test_rules_are_frozen_equal_by_value_and_can_be_copied() -> None:
    rules = Rules("massgen", panel=3)
    with pytest.raises(AttributeError, match=r"rules\.replace"):
        rules.policy = "slate"
    assert copy.deepcopy(rules) == rules == pickle.loads(pickle.dumps(rules))  # noqa: S301 (its own)
    assert rules != Rules("massgen")
    assert repr(rules) == "Rules('massgen', panel=3)"


def test_every_setting_has_one_field_and_one_key_that_editors_complete() -> None:
    fields = [
        field.encode_name
        for part in PARTS.values()
        for field in msgspec.structs.fields(part)
    ]
    assert sorted(fields) == sorted(SETTINGS)
    assert set(SETTINGS) == RuleChanges.__optional_keys__


def test_journals_keep_the_settings_as_released_versions_kept_them() -> None:
    for line in GOLDEN.read_bytes().splitlines():
        rules, _ = read_described(msgspec.Raw(line))
        kept = msgspec.json.decode(line)["rules"]
        again = msgspec.to_builtins(rules.record())
        assert _is_within(kept, again)


def _is_within(kept: Any, again: Any) -> bool:
    """Whether all that was kept is kept still; a later version may keep more."""
    if not isinstance(kept, dict):
        return kept == again
    known = cast("dict[str, Any]", kept)
    return all(name in again and _is_within(known[name], again[name]) for name in known)


def test_the_policies_are_those_that_journals_of_version_0_1_kept() -> None:
    kept = [read_described(msgspec.Raw(x))[0] for x in GOLDEN.read_bytes().splitlines()]
    policies = [policy for policy in get_args(PolicyName) if policy != "evidence"]
    # Driven side by side with MassGen, two of its rules were seen to be others.
    before = {"massgen": Rules("massgen", ties="earliest", ahead="votes")}
    assert kept[:4] == [before.get(policy, Rules(policy)) for policy in policies]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"revise": True, "committee_over": 8}, "committees judge a slate"),
        (
            {"revise": True, "committee_over": None, "topology": Topology(ring=2)},
            "it does not go with 'topology'",
        ),
        ({"weights": {"ada": float("inf")}}, "the weight of 'ada' is inf"),
        ({"weights": {"ada": -1.0}}, "the weight of 'ada' is -1"),
        (
            {"rubric": ("clear", "clear"), "rule": "score", "self_votes": "forbid"},
            "two criteria of 'rubric' have one name",
        ),
        ({"rubric": ("clear",)}, "so it needs 'rule: score'"),
        (
            {"adaptive": Adaptive(over="answers"), "equal": "none"},
            "compares results, so it needs 'equal: value'",
        ),
        ({"review_opens": "own_drafted"}, "needs 'revise: true'"),
        ({"panel": 0, "challenge": "weak_margin"}, "nobody votes, and 'challenge"),
        ({"panel": 0, "ties": "runoff"}, "nobody votes, and 'ties: runoff'"),
        ({"revise": True, "panel": 0}, "nobody votes, and 'revise: true'"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(
    settings: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigInvalid, match=words):
        Rules("slate", **settings)


def test_a_division_has_parts() -> None:
    with pytest.raises(ValueError, match=r"'division\.parts' is 0; use at least 1"):
        Division(parts=0)


def test_rules_equal_rules_alone() -> None:
    assert Rules() == Rules()
    assert Rules() != Rules("massgen")
    assert Rules() != "slate"


def test_rules_of_a_policy_that_is_gone_show_all_that_they_say() -> None:
    record = msgspec.structs.replace(Rules("slate").record(), policy="older")
    shown = repr(Rules.from_record(record))
    assert shown.startswith("Rules('older', ")
    assert "deadline_s=" in shown
