"""Rules: all settings of one team, and the named policies made of them.

A policy is not code of its own: ``slate``, ``revision``, ``ensemble`` and ``massgen``
are values of the same settings, and any setting may be changed. Owns how settings are
checked and put together; what each one is stands in
:mod:`coordinator.consensus.settings`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import (
    TYPE_CHECKING,
    Any,
    Literal,
    NoReturn,
    TypeAlias,
    Unpack,
    cast,
)
from typing import Final as Final_

import msgspec

from coordinator.ballots import Plurality, spelled_out
from coordinator.consensus.settings import (
    Adaptive,
    Budget,
    Division,
    Drafting,
    Escalate,
    Final,
    FinalMode,
    LeaderFirst,
    Limits,
    Price,
    RuleChanges,
    RuleSettings,
    Shortlist,
    Straggler,
    Topology,
    Voting,
)
from coordinator.errors import ConfigInvalid
from coordinator.protocol.conversion import PlainInvalid, converted, way_out

__all__ = [
    "PARTS",
    "SETTINGS",
    "Adaptive",
    "Budget",
    "Division",
    "Drafting",
    "Escalate",
    "Final",
    "LeaderFirst",
    "Limits",
    "PolicyName",
    "Price",
    "RuleChanges",
    "RuleSettings",
    "Rules",
    "RulesRecord",
    "Shortlist",
    "Straggler",
    "Topology",
    "Voting",
    "setting_types",
]

PolicyName: TypeAlias = Literal["slate", "evidence", "revision", "ensemble", "massgen"]
DEFAULT_POLICY: Final_[PolicyName] = "evidence"
"""Chosen by figures: see :mod:`coordinator.comparison`'s README."""
Part: TypeAlias = Voting | Drafting | Limits | Final

PARTS: dict[str, type[Part]] = {
    "voting": Voting,
    "drafting": Drafting,
    "limits": Limits,
    "final": Final,
}

_PART_OF: dict[str, tuple[str, msgspec.structs.FieldInfo]] = {
    field.encode_name: (part, field)
    for part, kind in PARTS.items()
    for field in msgspec.structs.fields(kind)
}

_names = list(RuleSettings.__annotations__)
_names.insert(_names.index("restarts"), "final")
SETTINGS: tuple[str, ...] = tuple(_names)
"""Every setting by its name in a team file, in the order that journals keep."""


def setting_types() -> dict[str, Any]:
    """The type of each setting, with its bounds."""
    return {name: _PART_OF[name][1].type for name in SETTINGS}


def _flat_struct() -> type[msgspec.Struct]:
    """The settings side by side, as journals kept them before rules had parts."""
    fields: list[tuple[str, Any, Any]] = [("policy", str, "slate")]
    for name, kind in setting_types().items():
        info = _PART_OF[name][1]
        factory = info.default_factory
        is_made = factory is not msgspec.NODEFAULT
        value = msgspec.field(default_factory=factory) if is_made else info.default
        fields.append((name, kind, value))
    return msgspec.defstruct(
        "RulesRecord",
        fields,
        frozen=True,
        kw_only=True,
        forbid_unknown_fields=True,
        module=__name__,
        namespace={"__doc__": "Rules as a journal's first record keeps them."},
    )


if TYPE_CHECKING:
    RulesRecord: TypeAlias = msgspec.Struct
else:
    RulesRecord = _flat_struct()


class Rules:
    """How a team comes to one answer: a policy, and the settings changed in it.

    ``Rules(policy="massgen", rule="borda", deadline_s=600)`` is MassGen's way with
    another count and a bound. Settings have the names that team files give them, and
    are read in four parts: ``rules.voting.rule``, ``rules.limits.deadline_s``. Frozen;
    :meth:`replace` makes changed ones.

    Args:
        policy: The preset that everything else changes.
        voting: Stands in place of the policy's own, whole.
        drafting: As ``voting``.
        limits: As ``voting``.
        final: As ``voting``, or the setting of that name alone.
        settings: Changes, each by its name in a team file.

    Raises:
        ConfigInvalid: There is no such policy or setting, a value is of the wrong kind
            or out of bounds, or two settings contradict each other. Its ``key`` is the
            setting's name where it is one setting's.
    """

    __slots__ = ("drafting", "final", "limits", "policy", "voting")

    policy: str
    """The preset these rules started from; for people, no decision reads it."""
    voting: Voting
    drafting: Drafting
    limits: Limits
    final: Final

    def __init__(
        self,
        policy: PolicyName = DEFAULT_POLICY,
        *,
        voting: Voting | None = None,
        drafting: Drafting | None = None,
        limits: Limits | None = None,
        final: FinalMode | Final | None = None,
        **settings: Unpack[RuleSettings],
    ) -> None:
        changes = cast("dict[str, Any]", settings)
        preset = _preset(policy)
        if isinstance(final, str):
            changes["final"] = final
        parts = {
            "voting": voting,
            "drafting": drafting,
            "limits": limits,
            "final": None if isinstance(final, str) else final,
        }
        whole: dict[str, Any] = {}
        for name, part in parts.items():
            if part is None:
                continue
            if not isinstance(part, PARTS[name]):
                raise ConfigInvalid(
                    f"{name}: {part!r} will not do; expected {PARTS[name].__name__}",
                    key=name,
                )
            whole |= dict(_flat(part))
        self._fill(policy, preset | _checked(whole | changes))

    def _fill(self, policy: str, values: Mapping[str, Any]) -> None:
        """Make the parts of all the settings, and check them against each other."""
        by_part: dict[str, dict[str, Any]] = {part: {} for part in PARTS}
        for name, value in values.items():
            part, field = _PART_OF[name]
            by_part[part][field.name] = value
        fill = object.__setattr__  # frozen once it is made
        try:
            fill(self, "policy", policy)
            for part, kind in PARTS.items():
                fill(self, part, kind(**by_part[part]))
            _check_together(self)
        except ValueError as error:
            raise ConfigInvalid(str(error)) from None

    def replace(self, **changes: Unpack[RuleChanges]) -> Rules:
        """The same rules but for ``changes``.

        Raises:
            ConfigInvalid: As on making them.
        """
        rules = object.__new__(Rules)
        checked = _checked(cast("dict[str, Any]", changes))
        rules._fill(self.policy, self.settings() | checked)
        return rules

    __replace__ = replace

    def settings(self) -> dict[str, Any]:
        """Every setting by its name in a team file, in the order that journals keep."""
        values = {
            name: value for part in PARTS for name, value in _flat(getattr(self, part))
        }
        return {name: values[name] for name in SETTINGS}

    def record(self) -> msgspec.Struct:
        """The form in a journal's first record: all settings side by side."""
        return RulesRecord(policy=self.policy, **self.settings())

    @classmethod
    def from_record(cls, record: msgspec.Struct) -> Rules:
        """Read what :meth:`record` made, now or in an earlier version.

        Raises:
            ConfigInvalid: Settings contradict each other.
        """
        values = msgspec.structs.asdict(record)
        rules = object.__new__(cls)
        rules._fill(values.pop("policy"), values)
        return rules

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Rules):
            return NotImplemented
        return self.policy == other.policy and self.settings() == other.settings()

    __hash__ = None  # type: ignore[assignment]  (weights are a mapping)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(
            f"rules are frozen; {name!r} is changed by rules.replace()"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return Rules.from_record, (self.record(),)

    def __repr__(self) -> str:
        before = {}
        if self.policy in _POLICIES:
            before = Rules(cast("PolicyName", self.policy)).settings()
        changed = (
            f", {name}={value!r}"
            for name, value in self.settings().items()
            if name not in before or before[name] != value
        )
        return f"Rules({self.policy!r}{''.join(changed)})"


def _flat(part: Part) -> Iterator[tuple[str, Any]]:
    for name, written in _fields(type(part)):
        yield written, getattr(part, name)


@cache
def _fields(kind: type[Part]) -> tuple[tuple[str, str], ...]:
    """Each field's name, and its name in a file; to ask anew takes a millisecond."""
    fields = msgspec.structs.fields(kind)
    return tuple((field.name, field.encode_name) for field in fields)


def _checked(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings as a file would give them: each of its type and within its bounds."""
    for name in settings:
        if name not in _PART_OF:
            raise ConfigInvalid(
                f"unknown setting {name!r}{way_out(name, list(SETTINGS))}", key=name
            )
    _refuse_functions(settings.get("checks"))
    plain = {name: _plain(value) for name, value in settings.items()}
    try:
        if "rule" in plain:
            plain["rule"] = spelled_out(plain["rule"])
        record = converted(plain, RulesRecord)
    except PlainInvalid as error:
        raise ConfigInvalid(
            str(error), key=str(error.where[0]), problem=error.problem
        ) from None
    except ConfigInvalid as error:
        raise ConfigInvalid(
            f"rule: {error}", key="rule", problem=error.problem
        ) from None
    return {name: getattr(record, name) for name in settings}


def _plain(value: Any) -> Any:  # noqa: ANN401  (what a caller brings)
    return msgspec.to_builtins(value, enc_hook=repr)


def _refuse_functions(checks: object) -> None:
    """Rules are values; a function's text would be taken for a command."""
    for each in (
        cast("list[object]", checks) if isinstance(checks, list | tuple) else ()
    ):
        if callable(each):
            raise ConfigInvalid(
                f"checks: {each!r} is a function, which rules cannot keep; give it to "
                "the team: Team(checks=[…])",
                key="checks",
            )


def _check_together(rules: Rules) -> None:
    """Refuse settings of two parts that contradict each other."""
    voting, drafting = rules.voting, rules.drafting
    if drafting.checks and voting.challenge != "off":
        raise ValueError(
            "a challenger's answer comes after the vote and would not be checked, so "
            "'challenge' does not go with 'checks'; set 'challenge: off'"
        )
    if voting.panel == 0:
        _check_without_voters(rules)
    if not drafting.revise:
        return
    if voting.committee_over is not None:
        raise ValueError(
            "committees judge a slate that stands still, so 'committee_over' does "
            "not go with 'revise: true'; set 'committee_over: null'"
        )
    if voting.topology != "all":
        raise ValueError(
            "with 'revise: true' everybody sees everything from the beginning, so "
            "it does not go with 'topology'"
        )
    if voting.challenge != "off":
        raise ValueError(
            "a challenge follows the vote on a slate that stands still, so it does "
            "not go with 'revise: true'; set 'challenge: off'"
        )


def _check_without_voters(rules: Rules) -> None:
    """Refuse what asks for a ballot where nobody votes."""
    asking = {
        "revise: true": rules.drafting.revise,
        "challenge: weak_margin": rules.voting.challenge != "off",
        "ties: runoff": rules.voting.ties == "runoff",
    }
    for written, is_asked in asking.items():
        if is_asked:
            raise ValueError(
                f"with 'panel: 0' nobody votes, and '{written}' asks for ballots; "
                "leave out either"
            )


def _preset(policy: str) -> dict[str, Any]:
    """The settings of a policy that differ from the default.

    Raises:
        ConfigInvalid: There is no policy of that name.
    """
    try:
        return _POLICIES[policy]
    except (KeyError, TypeError):
        known = sorted(_POLICIES)
        hint = way_out(str(policy), known)
        raise ConfigInvalid(
            f"policy {policy!r} is unknown{hint}", key="policy"
        ) from None


_REVISION: dict[str, Any] = {
    "rule": Plurality(),
    "straggler": None,
    "revise": True,
    "leader_first": None,
    "panel": None,
    "shortlist": None,
    "committee_over": None,
}

_POLICIES: dict[str, dict[str, Any]] = {
    "slate": {},
    # What can be counted is counted, and only what is left is judged, by few: recorded
    # judges of one model are right and wrong together (2026-11-30), so a shortlist,
    # which asks more of them, gains nothing either.
    "evidence": {
        "rule": Plurality(),
        "equal": "auto",
        "panel": "auto",
        "shortlist": None,
        "straggler": Straggler(among="model", factor=2.0),
    },
    "revision": _REVISION,
    # MassGen's own way to avoid its restart cascade: disable_injection,
    # defer_voting_until_all_answered, max_new_answers_per_agent: 1.
    "ensemble": {**_REVISION, "revise": False, "early": False, "ties": "earliest"},
    # MassGen 0.1.97 as read on 2026-11-22 and driven side by side with ours on
    # 2026-11-30: nobody's running turn is cancelled, every new answer clears every
    # vote, plurality; ties go to the agent that was registered first.
    "massgen": {
        **_REVISION,
        "review_opens": "own_drafted",
        "news": "finish",
        "coalesce_s": 0.0,
        "early": False,
        "ties": "listed",
        "duplicate_over": 0.7,
        "lead": 2,
        "ahead": "waits",
    },
}

POLICIES: tuple[str, ...] = tuple(_POLICIES)
"""The names of the policies."""
