"""Layers of policy may only tighten: whatever they say, nothing is allowed that the organisation does not allow."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.domain.anatomy import DifferenceKind
from bot.domain.consents import ApprovalRule
from bot.domain.gitlab import Role
from bot.domain.layers import Layer, OwnFile, Wish
from bot.domain.policy import ExpectedFiles, HygienePolicy, PipelinePolicy, ReleaseRule, Source
from bot.domain.strictness import TABLE, Value
from bot.domain.tightening import Effective, effective, values_of, with_values
from bot.domain.verdicts import Severity
from tests.bounds import ONLY_IN_FULL

INDEXES = ("registry", "test", "pypi")
NAMES = ("acme-*", "widget", "gadget")
PEOPLE = ("ada", "bob", "cy")
FILES = ("*-win.whl", "*-linux.whl")
KINDS = tuple(kind.value for kind in DifferenceKind)
VARIABLES = ("UPLOAD", "DEPLOY")
PAIRS = 1_200


def some(rng: random.Random, of: Sequence[str], least: int = 0) -> tuple[str, ...]:
    """Some of these, in any order."""
    return tuple(rng.sample(of, rng.randint(least, len(of))))


def organisation(rng: random.Random) -> tuple[ReleaseRule, HygienePolicy]:
    """A policy that a configuration might have."""
    approval = None
    if rng.random() < 0.6:
        users = some(rng, PEOPLE)
        approval = ApprovalRule(
            role=rng.choice([Role.DEVELOPER, Role.MAINTAINER, Role.OWNER]),
            count=rng.randint(1, len(users) or 3),
            users=users,
            all_authors=rng.random() < 0.5,
        )
    wheels = rng.choice([None, 0, 1, 2])
    expect = ExpectedFiles(
        wheels=wheels, sdist=rng.choice([None, True] if wheels == 0 else [None, True, False]), files=some(rng, FILES)
    )
    rule = ReleaseRule(
        projects=("acme/**",),
        tags=("v*",),
        source=rng.choice(list(Source)),
        indexes=some(rng, INDEXES, 1),
        names=some(rng, NAMES),
        new_names=rng.random() < 0.5,
        reachable=rng.random() < 0.5,
        approval=approval,
        hold_on=tuple(map(DifferenceKind, some(rng, KINDS))),
        expect=rng.choice([None, expect]),
        install_check=rng.random() < 0.5,
        pipeline=PipelinePolicy(start=rng.random() < 0.5, play=rng.random() < 0.5),
    )
    hygiene = HygienePolicy(
        block_at=rng.choice([None, *Severity]),
        block_unknown=rng.random() < 0.5,
        variables=frozenset(some(rng, VARIABLES)),
    )
    return rule, hygiene


def value(rng: random.Random, key: str) -> Value:
    """Anything that the shape of a layer lets through for a key."""
    choices: dict[str, Sequence[Value]] = {
        "hygiene.block_at": ("never", "high", "medium", "low", "info"),
        "hygiene.unknown": ("warn", "block"),
        "release.source": ("auto", "pipeline", "artifacts", "build"),
        "release.new_names": ("allow", "refuse"),
        "release.approval.from": ("developer", "maintainer", "owner"),
        "release.approval.count": (1, 2, 3, 20),
        "release.approval.authors": ("commit", "shipped"),
        "release.expect.wheels": (0, 1, 2),
    }
    lists = {
        "hygiene.variables": VARIABLES,
        "release.indexes": (*INDEXES, "elsewhere"),
        "release.names": (*NAMES, "*"),
        "release.hold_on": KINDS,
        "release.approval.users": (*PEOPLE, "mallory"),
        "release.expect.files": FILES,
    }
    if key in lists:
        return some(rng, lists[key])
    return rng.choice(choices.get(key, (False, True)))


def layer(rng: random.Random, name: str, *, own: bool) -> Layer:
    """A layer that sets some keys to anything."""
    keys = [key for key in TABLE if rng.random() < 0.35]
    wishes = tuple(Wish(key=key, value=value(rng, key), where=f"{name}:{at}") for at, key in enumerate(keys, 1))
    return Layer(name=name, wishes=wishes, own=own)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who approves."""

    name: str
    role: Role
    wrote: str  # nothing, something that is shipped, or the commit itself


def approves(rule: ApprovalRule | None, people: Sequence[Person]) -> bool:
    """Whether these are enough, by the documentation's words."""
    if rule is None:
        return True
    barred = {"commit", "shipped"} if rule.all_authors else {"commit"}
    good = [
        one
        for one in people
        if one.role >= rule.role and (not rule.users or one.name in rule.users) and one.wrote not in barred
    ]
    return len(good) >= rule.count


def whole(expect: ExpectedFiles | None, wheels: int, sdist: bool, files: tuple[str, ...]) -> bool:
    """Whether these files are what was expected."""
    if expect is None:
        return True
    return (
        expect.wheels in (None, wheels) and expect.sdist in (None, sdist) and all(one in files for one in expect.files)
    )


def wider(rng: random.Random, rule: ReleaseRule, hygiene: HygienePolicy, now: Effective) -> list[str]:
    """What is allowed now that the organisation does not allow; by what things mean, not by any table."""
    found = []
    for severity in Severity:
        was, is_ = (h.block_at is not None and severity >= h.block_at for h in (hygiene, now.hygiene))
        found += ["block_at"] if was and not is_ else []
    found += ["unknown"] if hygiene.block_unknown and not now.hygiene.block_unknown else []
    found += ["variables"] if not hygiene.variables <= now.hygiene.variables else []
    found += ["indexes"] if now.rule.indexes != tuple(one for one in rule.indexes if one in now.rule.indexes) else []
    found += ["no index"] if not now.rule.indexes else []
    found += ["names"] if not set(now.rule.names) <= set(rule.names) else []
    found += ["new_names"] if now.rule.new_names and not rule.new_names else []
    found += ["reachable"] if rule.reachable and not now.rule.reachable else []
    found += ["hold_on"] if not set(rule.hold_on) <= set(now.rule.hold_on) else []
    found += ["install_check"] if rule.install_check and not now.rule.install_check else []
    found += ["start"] if now.rule.pipeline.start and not rule.pipeline.start else []
    found += ["play"] if now.rule.pipeline.play and not rule.pipeline.play else []
    open_source = rule.source is Source.AUTO and now.rule.source is not Source.BUILD
    found += ["source"] if now.rule.source is not rule.source and not open_source else []
    for _ in range(2):
        people = [
            Person(
                name=name,
                role=rng.choice([Role.DEVELOPER, Role.MAINTAINER, Role.OWNER]),
                wrote=rng.choice(["nothing", "nothing", "shipped", "commit"]),
            )
            for name in (*PEOPLE, "mallory", "eve")
        ]
        found += ["approval"] if approves(now.rule.approval, people) and not approves(rule.approval, people) else []
        made = rng.randint(0, 2), rng.random() < 0.5, some(rng, FILES)
        found += ["expect"] if whole(now.rule.expect, *made) and not whole(rule.expect, *made) else []
    same = (rule.projects, rule.tags, rule.branches, rule.package, rule.pipeline.job, rule.pipeline.inputs)
    is_same = now.rule
    found += (
        ["what no layer may touch"]
        if same
        != (
            is_same.projects,
            is_same.tags,
            is_same.branches,
            is_same.package,
            is_same.pipeline.job,
            is_same.pipeline.inputs,
        )
        else []
    )
    return found


def tighten(seed: int) -> list[str]:
    """One generated pair: an organisation, its groups, and a project; what came to be wider, and between whom."""
    rng = random.Random(seed)
    rule, hygiene = organisation(rng)
    groups = [layer(rng, f"group {number}", own=False) for number in range(rng.randint(0, 3))]
    own = OwnFile(layers=(layer(rng, "preset", own=False), layer(rng, "own", own=True)), words="own")
    above = effective(rule, hygiene, groups)
    now = effective(rule, hygiene, groups, own)
    told = [f"seed {seed}: wider than the organisation: {one}" for one in wider(rng, rule, hygiene, now)]
    told += [f"seed {seed}: wider than its groups: {one}" for one in wider(rng, above.rule, above.hygiene, now)]
    return told


@pytest.mark.parametrize("part", range(4))
def test_no_layer_ever_widens_what_stands_above_it(part: int) -> None:
    count = PAIRS // 4
    assert [told for seed in range(part * count, (part + 1) * count) for told in tighten(seed)] == []


@ONLY_IN_FULL
@pytest.mark.chaos
def test_twenty_thousand_pairs_are_never_wider_than_the_organisation() -> None:
    assert [told for seed in range(PAIRS, PAIRS + 20_000) for told in tighten(seed)] == []


@pytest.mark.parametrize("seed", range(200))
def test_a_policy_survives_being_taken_apart(seed: int) -> None:
    rule, hygiene = organisation(random.Random(seed))
    again = with_values(rule, hygiene, values_of(rule, hygiene))
    assert values_of(*again) == values_of(rule, hygiene)
    assert set(values_of(rule, hygiene)) == set(TABLE)


@pytest.mark.parametrize(
    ("key", "ours", "theirs", "value", "wider"),
    [
        ("hygiene.block_at", "high", "medium", "medium", False),
        ("hygiene.block_at", "medium", "never", "medium", True),
        ("hygiene.variables", ("A",), ("B",), ("A", "B"), False),
        ("release.source", "auto", "pipeline", "pipeline", False),
        ("release.source", "auto", "build", "auto", True),
        ("release.source", "artifacts", "pipeline", "artifacts", True),
        ("release.source", "artifacts", "auto", "artifacts", True),
        ("release.indexes", ("registry", "pypi"), ("pypi",), ("pypi",), False),
        ("release.indexes", ("registry", "pypi"), ("pypi", "registry"), ("registry", "pypi"), False),
        ("release.indexes", ("registry",), ("pypi",), ("registry",), True),
        ("release.indexes", ("registry",), (), ("registry",), True),
        ("release.names", ("acme-*",), (), (), False),
        ("release.names", (), ("*",), (), True),
        ("release.approval.users", (), ("ada",), ("ada",), False),
        ("release.approval.users", ("ada",), (), ("ada",), True),
        ("release.approval.users", ("ada", "bob"), ("bob", "eve"), ("bob",), True),
        ("release.approval.from", None, "developer", "developer", False),
        ("release.approval.from", "owner", "maintainer", "owner", True),
        ("release.approval.count", 2, 1, 2, True),
        ("release.expect.wheels", None, 2, 2, False),
        ("release.expect.wheels", 2, 3, 2, True),
        ("release.expect.sdist", False, True, False, True),
        ("release.pipeline.play", True, False, False, False),
        ("release.pipeline.play", False, True, False, True),
        ("release.tag_reachable", True, False, True, True),
    ],
)
def test_the_order_of_a_key(key: str, ours: Value, theirs: Value, value: Value, wider: bool) -> None:
    joined = TABLE[key].join(ours, theirs)
    assert (joined.value, joined.wider) == (value, wider)
    assert TABLE[key].words


RULE = ReleaseRule(projects=("acme/**",), tags=("v*",), indexes=("registry",))


def wishing(key: str, value: Value, *, own: bool = True) -> Layer:
    """A layer with one wish."""
    return Layer(name="own" if own else "group", wishes=(Wish(key=key, value=value, where="f.yaml:3"),), own=own)


def test_what_a_project_widens_is_said_with_its_line_and_does_not_hold() -> None:
    own = OwnFile(layers=(wishing("hygiene.block_at", "never"), wishing("hygiene.unknown", "block")), words="own")
    now = effective(RULE, HygienePolicy(block_at=Severity.MEDIUM), (), own)
    assert now.hygiene == HygienePolicy(block_at=Severity.MEDIUM, block_unknown=True)
    assert now.own is not None
    (fault,) = now.own.faults
    assert fault.startswith("f.yaml:3: `hygiene.block_at` may only be made stricter here")
    assert "never is wider than medium" in fault
    assert [(step.key, step.taken) for step in now.steps] == [("hygiene.block_at", False), ("hygiene.unknown", True)]


def test_a_group_that_asks_for_less_than_the_organisation_is_no_fault() -> None:
    now = effective(RULE, HygienePolicy(block_at=Severity.LOW), [wishing("hygiene.block_at", "high", own=False)])
    assert (now.hygiene.block_at, now.own) == (Severity.LOW, None)
    assert now.steps[0].why == "high is wider than low, which holds"


def test_the_nearest_group_comes_last_and_may_not_undo_the_one_above() -> None:
    layers = [wishing("release.approval.count", 3, own=False), wishing("release.approval.from", "developer", own=False)]
    now = effective(RULE, HygienePolicy(), layers)
    assert now.rule.approval == ApprovalRule(role=Role.MAINTAINER, count=3, all_authors=True)


def test_keys_that_together_would_let_nothing_be_released_do_not_hold() -> None:
    wishes = (
        Wish(key="release.approval.users", value=("ada",), where="f.yaml:3"),
        Wish(key="release.approval.count", value=2, where="f.yaml:4"),
        Wish(key="release.install_check", value=True, where="f.yaml:5"),
    )
    now = effective(RULE, HygienePolicy(), (), OwnFile(layers=(Layer(name="own", wishes=wishes, own=True),), words="o"))
    assert now.rule.approval is None
    assert now.rule.install_check
    assert now.own is not None
    assert [fault.split(",")[0] for fault in now.own.faults] == [
        "f.yaml:3: `release.approval` asks for 2 approvals out of 1 users"
    ]


def test_the_documentation_has_the_table_as_it_is() -> None:
    page = (Path(__file__).parents[2] / "docs/policy.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith(("| `hygiene.", "| `release."))]
    assert rows == [f"| `{key}` | {order.words} |" for key, order in TABLE.items()]
