"""Policy in layers: the organisation's, then group by group, then the project's own file. Each may only tighten."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from bot.domain.anatomy import DifferenceKind
from bot.domain.consents import ApprovalRule
from bot.domain.freezes import Freeze
from bot.domain.gitlab import Role
from bot.domain.layers import Layer, OwnFile, Wish
from bot.domain.policy import ExpectedFiles, HygienePolicy, ReleaseRule, Source
from bot.domain.strictness import TABLE, Value, shown
from bot.domain.verdicts import Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one layer did to a key. With `taken` the value came to be `value`; else `why` says why not."""

    key: str
    value: Value
    layer: str
    where: str
    taken: bool
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPolicy:
    """A project's own file, by its `words`, and what is wrong with it; with `strict` that stops releases."""

    words: str
    faults: tuple[str, ...] = ()
    strict: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Effective:
    """What holds for one project and rule, and how it came to be.

    `own` is what was read of the project's own file, None without one; `freezes` are those that cover the project.
    """

    rule: ReleaseRule
    hygiene: HygienePolicy
    freezes: tuple[Freeze, ...] = ()
    steps: tuple[Step, ...] = ()
    own: OwnPolicy | None = None


@dataclass(slots=True)
class _Tightening:
    values: dict[str, Value]
    steps: list[Step] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def take(self, layer: Layer) -> None:
        """Tighten by one layer; what makes no sense together with what holds is left out as a whole."""
        before = dict(self.values)
        for wish in layer.wishes:
            self._wish(layer, wish)
        for group, sentence in _senseless(self.values):
            self._undo(layer, before, group, sentence)
        self._settle()

    def _undo(self, layer: Layer, before: Mapping[str, Value], group: str, sentence: str) -> None:
        for key in self.values:
            if key.startswith(group):
                self.values[key] = before[key]
        for at, step in enumerate(self.steps):
            if step.layer == layer.name and step.taken and step.key.startswith(group):
                self.steps[at] = replace(step, taken=False, why=sentence)
        where = next((wish.where for wish in layer.wishes if wish.key.startswith(group)), layer.name)
        self.faults.append(f"{where}: `{group}` {sentence}, so what stands above it holds. Correct it there")

    def _settle(self) -> None:
        """Write down what an approval that a layer asks for is like by itself: a later layer must not loosen that."""
        approval = _approval(self.values)
        if approval is not None:
            self.values |= _approval_values(approval)

    def _wish(self, layer: Layer, wish: Wish) -> None:
        ours = self.values[wish.key]
        joined = TABLE[wish.key].join(ours, wish.value)
        if not joined.wider:
            self.values[wish.key] = joined.value
            self._note(layer, wish, joined.value, taken=joined.value != ours)
            return
        why = f"{shown(wish.value)} is wider than {shown(ours)}, which holds"
        if layer.own:
            self.faults.append(
                f"{wish.where}: `{wish.key}` may only be made stricter here, and {why} "
                f"({TABLE[wish.key].words}). Take it out, or ask for a change of the organisation's policy"
            )
            self._note(layer, wish, wish.value, taken=False, why=why)
            return
        self.values[wish.key] = joined.value
        if joined.value == ours:
            self._note(layer, wish, wish.value, taken=False, why=why)
        else:
            self._note(layer, wish, joined.value, taken=True)

    def _note(self, layer: Layer, wish: Wish, value: Value, *, taken: bool, why: str = "") -> None:
        why = why or ("" if taken else "it was so already")
        self.steps.append(Step(key=wish.key, value=value, layer=layer.name, where=wish.where, taken=taken, why=why))


def effective(
    rule: ReleaseRule,
    hygiene: HygienePolicy,
    layers: Iterable[Layer] = (),
    own: OwnFile | None = None,
    *,
    freezes: tuple[Freeze, ...] = (),
    strict: bool = False,
) -> Effective:
    """What holds once every layer has tightened the organisation's policy, in their order: the nearest comes last."""
    stacked = (*layers, *(own.layers if own else ()))
    tightening = _Tightening(dict(values_of(rule, hygiene)))
    for layer in stacked:
        tightening.take(layer)
    narrow_rule, narrow_hygiene = with_values(rule, hygiene, tightening.values)
    faults = (*(own.faults if own else ()), *tightening.faults)
    words = own.words if own and own.words else "the policy"
    return Effective(
        rule=narrow_rule,
        hygiene=narrow_hygiene,
        freezes=(*freezes, *(freeze for layer in stacked for freeze in layer.freezes)),
        steps=tuple(tightening.steps),
        own=OwnPolicy(words=words, faults=faults, strict=strict) if own or faults else None,
    )


def values_of(rule: ReleaseRule, hygiene: HygienePolicy) -> Mapping[str, Value]:
    """Every key of the table, as the organisation's policy has it."""
    expect = rule.expect or ExpectedFiles()
    return MappingProxyType(
        {
            "hygiene.block_at": "never" if hygiene.block_at is None else hygiene.block_at.word,
            "hygiene.unknown": "block" if hygiene.block_unknown else "warn",
            "hygiene.variables": tuple(sorted(hygiene.variables)),
            "release.source": rule.source.value,
            "release.indexes": rule.indexes,
            "release.names": rule.names,
            "release.new_names": "allow" if rule.new_names else "refuse",
            "release.tag_reachable": rule.reachable,
            "release.hold_on": tuple(kind.value for kind in rule.hold_on),
            "release.install_check": rule.install_check,
            **_approval_values(rule.approval),
            "release.expect.wheels": expect.wheels,
            "release.expect.sdist": expect.sdist,
            "release.expect.files": expect.files,
            "release.pipeline.start": rule.pipeline.start,
            "release.pipeline.play": rule.pipeline.play,
        }
    )


def with_values(
    rule: ReleaseRule, hygiene: HygienePolicy, values: Mapping[str, Value]
) -> tuple[ReleaseRule, HygienePolicy]:
    """The same policy with these values; what the table does not speak of stays."""
    block_at = _text(values, "hygiene.block_at")
    return (
        replace(
            rule,
            source=Source(_text(values, "release.source")),
            indexes=_several(values, "release.indexes"),
            names=_several(values, "release.names"),
            new_names=values["release.new_names"] == "allow",
            reachable=values["release.tag_reachable"] is True,
            hold_on=tuple(map(DifferenceKind, _several(values, "release.hold_on"))),
            install_check=values["release.install_check"] is True,
            approval=_approval(values),
            expect=_expect(rule, values),
            pipeline=replace(
                rule.pipeline,
                start=values["release.pipeline.start"] is True,
                play=values["release.pipeline.play"] is True,
            ),
        ),
        replace(
            hygiene,
            block_at=None if block_at == "never" else Severity[block_at.upper()],
            block_unknown=values["hygiene.unknown"] == "block",
            variables=frozenset(_several(values, "hygiene.variables")),
        ),
    )


def _approval_values(approval: ApprovalRule | None) -> dict[str, Value]:
    return {
        "release.approval.from": None if approval is None else approval.role.name.lower(),
        "release.approval.count": 0 if approval is None else approval.count,
        "release.approval.users": () if approval is None else approval.users,
        "release.approval.authors": None if approval is None else "shipped" if approval.all_authors else "commit",
    }


def _approval(values: Mapping[str, Value]) -> ApprovalRule | None:
    """A layer may ask for approval by any of its keys; the others are then as strict as they usually are."""
    count, users = values["release.approval.count"], _several(values, "release.approval.users")
    role, authors = values["release.approval.from"], values["release.approval.authors"]
    if not count and not users and role is None and authors is None:
        return None
    assert isinstance(count, int)
    return ApprovalRule(
        role=Role.MAINTAINER if role is None else Role[str(role).upper()],
        count=max(1, count),
        users=users,
        all_authors=authors != "commit",
    )


def _expect(rule: ReleaseRule, values: Mapping[str, Value]) -> ExpectedFiles | None:
    wheels, sdist = values["release.expect.wheels"], values["release.expect.sdist"]
    files = _several(values, "release.expect.files")
    if wheels is None and sdist is None and not files:
        return rule.expect
    assert wheels is None or isinstance(wheels, int)
    assert sdist is None or isinstance(sdist, bool)
    return ExpectedFiles(wheels=wheels, sdist=sdist, files=files)


def _senseless(values: Mapping[str, Value]) -> Iterator[tuple[str, str]]:
    """Keys that together would let nothing be released ever, by their beginning, and a sentence about them."""
    approval = _approval(values)
    if approval is not None and approval.users and len(approval.users) < approval.count:
        yield "release.approval", f"asks for {approval.count} approvals out of {len(approval.users)} users"
    if values["release.expect.wheels"] == 0 and values["release.expect.sdist"] is False:
        yield "release.expect", "allows neither wheels nor an sdist, so nothing could be released"


def _text(values: Mapping[str, Value], key: str) -> str:
    value = values[key]
    assert isinstance(value, str), key
    return value


def _several(values: Mapping[str, Value], key: str) -> tuple[str, ...]:
    value = values[key]
    assert isinstance(value, tuple), key
    return value
