"""What a release changes against the one before: what is compared with what, in what they differ, what a gate says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from packaging.version import Version

from bot.domain.anatomy import Anatomy, Difference, DifferenceKind, Differences
from bot.domain.distributions import DistributionKind, IndexFile
from bot.domain.errors import RefusedError, TransientError
from bot.domain.releases import Acceptance
from bot.domain.verdicts import Consequence, GateResult, Verdict
from bot.ports.index import Gathered
from bot.release.comparing import see_differences
from bot.release.differences import Before, compare, fewer, kin, pairs, published_before
from bot.release.facts import Facts, Look, LookKind, Seen, Unreadable, Wanted
from bot.release.gates import changes
from tests.fake_index import FakeAnatomist
from tests.unit.release_facts import (
    NOON,
    PUBLIC,
    REGISTRY,
    SDIST,
    WHEEL,
    distribution,
    good_facts,
    index,
    listed,
    wanted,
)

OLD_WHEEL, OLD_SDIST = "acme_widget-1.0.0-py3-none-any.whl", "acme_widget-1.0.0.tar.gz"
LINUX, MAC = "acme_widget-{}-cp311-cp311-linux_x86_64.whl", "acme_widget-{}-cp311-cp311-macosx_11_0_arm64.whl"
PLAIN = Anatomy(
    filename=WHEEL,
    kind=DistributionKind.WHEEL,
    size=200 * 1024,
    files=("widget/__init__.py", "widget/_fast.cpython-311-x86_64-linux-gnu.so", "*.dist-info/METADATA"),
    top_levels=("widget",),
    requires=("requests>=2",),
    requires_python=">=3.9",
    entry_points=("console_scripts: widget = widget:main",),
    license="MIT",
)


def but(**fields: object) -> Anatomy:
    return replace(PLAIN, **fields)  # type: ignore[arg-type]  # a test's shorthand


MANY = tuple(f"widget/m{n}.py" for n in range(7))
COMPARED: list[tuple[str, Anatomy, Anatomy, list[tuple[str, str]]]] = [
    ("nothing", PLAIN, PLAIN, []),
    (
        "a new package, and a file that runs at every start",
        PLAIN,
        but(top_levels=("widget", "requests", "widget.pth")),
        [("new_top_level", "new top-level requests, widget.pth")],
    ),
    (
        "one file lost",
        PLAIN,
        but(files=PLAIN.files[:2]),
        [("lost_files", "1 file is gone: *.dist-info/METADATA")],
    ),
    (
        "many files lost",
        but(files=(*PLAIN.files, *MANY)),
        PLAIN,
        [
            (
                "lost_files",
                "7 files are gone: widget/m0.py, widget/m1.py, widget/m2.py, widget/m3.py, widget/m4.py and 2 more",
            )
        ],
    ),
    (
        "a new binary",
        PLAIN,
        but(files=(*PLAIN.files, "widget/tool.EXE", "widget/libz.so.1")),
        [("new_binary", "new binary widget/libz, widget/tool")],
    ),
    (
        "the same binary for another Python",
        PLAIN,
        but(files=("widget/__init__.py", "widget/_fast.cpython-312-x86_64-linux-gnu.so", "*.dist-info/METADATA")),
        [("lost_files", "1 file is gone: widget/_fast.cpython-311-x86_64-linux-gnu.so")],
    ),
    ("grown a little", PLAIN, but(size=550 * 1024), []),
    ("grown", PLAIN, but(size=700 * 1024), [("size_jump", f"{WHEEL} is 700 KiB, was 200 KiB")]),
    ("shrunk", but(size=9 << 20), PLAIN, [("size_jump", f"{WHEEL} is 200 KiB, was 9.0 MiB")]),
    ("small files grow by factors", but(size=1000), but(size=50_000), []),
    (
        "dependencies",
        PLAIN,
        but(requires=("requests>=3", "urlib3")),
        [("dependencies", "dependencies: new requests>=3, urlib3, gone requests>=2")],
    ),
    (
        "entry points",
        PLAIN,
        but(entry_points=()),
        [("entry_points", "entry points: gone console_scripts: widget = widget:main")],
    ),
    (
        "fewer Pythons",
        PLAIN,
        but(requires_python=">=3.11"),
        [("requires_python", "requires Python >=3.11, which leaves out 3.9, 3.10")],
    ),
    ("more Pythons", PLAIN, but(requires_python=">=3.8"), []),
    ("any Python", PLAIN, but(requires_python=""), []),
    (
        "a requirement nobody can read",
        PLAIN,
        but(requires_python="3 or so"),
        [("requires_python", "requires Python 3 or so, was >=3.9")],
    ),
    ("license", PLAIN, but(license=""), [("license", "license not stated, was MIT")]),
]


@pytest.mark.parametrize(("before", "now", "expected"), [row[1:] for row in COMPARED], ids=[row[0] for row in COMPARED])
def test_two_files_differ_in_what_matters(before: Anatomy, now: Anatomy, expected: list[tuple[str, str]]) -> None:
    assert [(one.kind.value, one.words) for one in compare(before, now)] == expected


def there(*filenames: str) -> tuple[IndexFile, ...]:
    return tuple(map(listed, filenames))


def versions(*numbers: str) -> tuple[IndexFile, ...]:
    return there(*(f"acme_widget-{number}.tar.gz" for number in numbers))


BEFORE: list[tuple[str, str, list[tuple[IndexFile, ...]], tuple[str, str] | None]] = [
    ("nothing there", "1.1", [()], None),
    ("only ours and later ones", "1.1", [versions("1.1", "1.1.0", "2.0")], None),
    ("the highest, as versions go", "1.10", [versions("1.2", "1.9", "1.1")], ("1.9", "a")),
    ("on any index", "1.1", [versions("0.9"), versions("1.0")], ("1.0", "b")),
    ("the first index that has it", "1.1", [versions("1.0"), versions("1.0")], ("1.0", "a")),
    ("a final one looks past candidates", "2.0", [versions("1.0", "2.0rc1", "2.0.dev1")], ("1.0", "a")),
    ("unless there is nothing else", "2.0", [versions("2.0rc1")], ("2.0rc1", "a")),
    ("a candidate looks at any", "2.0rc2", [versions("1.0", "2.0rc1")], ("2.0rc1", "a")),
    ("what is no distribution", "2.0", [there("acme_widget-1.0.zip", "readme.txt")], None),
]


@pytest.mark.parametrize(
    ("version", "indexes", "expected"), [row[1:] for row in BEFORE], ids=[row[0] for row in BEFORE]
)
def test_the_last_published_version_is_found(
    version: str, indexes: list[tuple[IndexFile, ...]], expected: tuple[str, str] | None
) -> None:
    found = published_before(Version(version), zip("ab", indexes, strict=False))
    assert (None if found is None else (str(found.version), found.index)) == expected


def test_files_are_compared_with_those_whose_place_they_take() -> None:
    """Wheels of the same tags, whatever their build number, and sdists; the rest is said to be missing."""
    ours = [distribution(name.format("1.1.0")) for name in (SDIST, LINUX)]
    before = Before(
        version=Version("1.0.0"),
        index="registry",
        files=there(LINUX.format("1.0.0-2"), MAC.format("1.0.0"), OLD_SDIST, OLD_WHEEL),
    )
    assert [(mine.filename, theirs.filename) for mine, theirs in pairs(ours, before)] == [
        (LINUX.format("1.1.0"), LINUX.format("1.0.0-2")),
        (SDIST, OLD_SDIST),
    ]
    assert [one.words for one in fewer(ours, before)] == [
        "no wheel for cp311-cp311-macosx_11_0_arm64, py3-none-any",
    ]
    assert [one.words for one in fewer(ours[1:], before)] == [
        "no sdist this time",
        "no wheel for cp311-cp311-macosx_11_0_arm64, py3-none-any",
    ]
    assert fewer([distribution(WHEEL), distribution(SDIST)], replace(before, files=there(OLD_SDIST))) == ()


def facts(*before: str) -> Facts:
    """1.0.0 on the registry, 1.1.0 at hand."""
    return replace(
        good_facts(),
        indexes={"registry": Seen(index(REGISTRY, *there(*before))), "public": Seen(index(PUBLIC))},
    )


def holding(*kinds: DifferenceKind, accepted: Sequence[Acceptance] = ()) -> Wanted:
    plain = wanted()
    return replace(plain, rule=replace(plain.rule, hold_on=kinds), accepted=tuple(accepted))


def test_what_differs_in_several_files_is_told_once() -> None:
    anatomist = FakeAnatomist(
        {OLD_WHEEL: PLAIN, WHEEL: but(license="GPL"), SDIST: but(license="GPL"), OLD_SDIST: PLAIN}
    )
    seen = see_differences(anatomist, wanted(), facts(OLD_WHEEL, OLD_SDIST))
    assert (seen.since, seen.index) == ("1.0.0", "registry")
    assert seen.found == (Difference(kind=DifferenceKind.LICENSE, words="license GPL, was MIT"),)
    assert seen.unread == ()


def test_what_cannot_be_read_is_told_and_hides_nothing_else() -> None:
    anatomist = FakeAnatomist(
        {OLD_WHEEL: RefusedError(what="it holds a link", where="x"), OLD_SDIST: PLAIN, SDIST: but(license="GPL")}
    )
    seen = see_differences(anatomist, wanted(), facts(OLD_WHEEL, OLD_SDIST))
    assert [one.words for one in seen.found] == ["license GPL, was MIT"]
    assert seen.unread == (f"{WHEEL} cannot be compared with {OLD_WHEEL}: it holds a link",)


def test_what_weighs_too_much_is_said_and_not_downloaded() -> None:
    """A turn must come to its end: the files behind half a GiB are held on like what cannot be read."""
    anatomist = FakeAnatomist({OLD_WHEEL: but(size=1 << 30), WHEEL: but(size=1 << 30)})
    seen = see_differences(anatomist, wanted(), facts(OLD_WHEEL, OLD_SDIST))
    assert anatomist.asked == [OLD_WHEEL, WHEEL]
    assert (seen.found, seen.unread) == ((), ("1 more file is not compared",))


def test_what_may_pass_by_itself_is_waited_for_only_where_policy_asks() -> None:
    """A plan goes on without; a gate that holds on it must know."""
    anatomist = FakeAnatomist({OLD_WHEEL: TransientError(what="503", where="x")})
    seen = see_differences(anatomist, wanted(), facts(OLD_WHEEL))
    assert seen.unread == (f"{WHEEL} cannot be compared with {OLD_WHEEL}: 503",)
    with pytest.raises(TransientError):
        see_differences(anatomist, holding(DifferenceKind.LICENSE), facts(OLD_WHEEL))


def test_a_first_release_has_nothing_to_be_compared_with_and_reads_nothing() -> None:
    anatomist = FakeAnatomist()
    seen = see_differences(anatomist, wanted(), replace(facts(), indexes={"registry": Unreadable("403", 403)}))
    assert (seen, anatomist.asked) == (Differences(since=None, index=None), [])


NEW = Difference(kind=DifferenceKind.NEW_TOP_LEVEL, words="new top-level evil")
SEEN = Differences(since="1.0.0", index="registry", found=(NEW,))
BLIND = replace(SEEN, found=(), unread=("x cannot be compared",))
YES = Acceptance(digest=SEEN.digest, by="ada", at=NOON)
ACCEPT = f"To accept exactly this: `ropewalk release resume acme/tools/widget@v1.1.0 --accept-changes {SEEN.digest}`"
TOP, SIZE = DifferenceKind.NEW_TOP_LEVEL, DifferenceKind.SIZE_JUMP
JUDGED: list[tuple[str, Wanted, Differences, Verdict, str]] = [
    ("held", holding(TOP), SEEN, Verdict.FAIL, f"since 1.0.0 on registry: new top-level evil. {ACCEPT}"),
    ("not held", holding(SIZE), SEEN, Verdict.PASS, "since 1.0.0 on registry: new top-level evil"),
    (
        "nothing",
        holding(TOP),
        replace(SEEN, found=()),
        Verdict.PASS,
        "since 1.0.0 on registry: the same files in all that is compared",
    ),
    (
        "first",
        holding(TOP),
        Differences(since=None, index=None),
        Verdict.PASS,
        "no earlier version stands on any index: there is nothing to compare with",
    ),
    (
        "accepted",
        holding(TOP, accepted=[YES]),
        SEEN,
        Verdict.PASS,
        "accepted by ada on 2026-08-03; since 1.0.0 on registry: new top-level evil",
    ),
    (
        "something else accepted",
        holding(TOP, accepted=[replace(YES, digest="0" * 12)]),
        SEEN,
        Verdict.FAIL,
        f"since 1.0.0 on registry: new top-level evil. {ACCEPT}",
    ),
    (
        "not compared",
        holding(TOP),
        BLIND,
        Verdict.UNKNOWN,
        f"since 1.0.0 on registry: x cannot be compared. {ACCEPT.replace(SEEN.digest, BLIND.digest)}",
    ),
]


@pytest.mark.parametrize(
    ("asked", "seen", "verdict", "reason"), [row[1:] for row in JUDGED], ids=[row[0] for row in JUDGED]
)
def test_the_gate_holds_on_what_policy_names_until_a_person_accepts_exactly_that(
    asked: Wanted, seen: Differences, verdict: Verdict, reason: str
) -> None:
    said = changes.judge(asked, replace(facts(OLD_WHEEL), differences=Seen(seen)))
    consequence = Consequence.NONE if verdict is Verdict.PASS else Consequence.BLOCK
    assert said == GateResult(name="changes", verdict=verdict, reason=reason, consequence=consequence)


def test_the_gate_is_silent_where_policy_does_not_ask_and_looks_only_when_it_must() -> None:
    assert changes.judge(wanted(), facts(OLD_WHEEL)) is None
    asked = holding(TOP)
    assert changes.judge(asked, replace(facts(), files=None)) == Look(LookKind.FILES)
    assert changes.judge(asked, replace(facts(), indexes={})) == Look(LookKind.INDEX, index="registry")
    assert changes.judge(asked, facts(OLD_WHEEL)) == Look(LookKind.DIFFERENCES)
    bare = changes.judge(asked, replace(facts(OLD_WHEEL), files=Seen(Gathered(files=()))))
    assert isinstance(bare, GateResult)
    assert bare.verdict is Verdict.NOT_APPLICABLE


def test_what_stands_everywhere_already_is_not_held() -> None:
    """Nothing is left to send: a release that was published must not be blocked by a look back."""
    everywhere = {
        spec.name: Seen(index(spec, listed(WHEEL), listed(SDIST), listed(OLD_WHEEL))) for spec in (REGISTRY, PUBLIC)
    }
    said = changes.judge(holding(TOP), replace(facts(), indexes=everywhere, differences=Seen(SEEN)))
    assert isinstance(said, GateResult)
    assert (said.verdict, said.consequence) == (Verdict.PASS, Consequence.NONE)
    assert said.reason.startswith("nothing is left to upload; since 1.0.0 on registry: new top-level evil")


def test_the_digest_stands_for_every_word() -> None:
    others = [
        replace(SEEN, since="1.0.1"),
        replace(SEEN, index="public"),
        replace(SEEN, found=(replace(NEW, words="new top-level evils"),)),
        replace(SEEN, unread=("x",)),
        replace(SEEN, found=()),
    ]
    assert len({SEEN.digest, *(other.digest for other in others)}) == 6
    assert SEEN.digest == replace(SEEN, found=(replace(NEW),)).digest


@pytest.mark.parametrize(
    ("ours", "before", "expected"),
    [
        ((WHEEL,), (OLD_WHEEL,), None),
        ((LINUX.format("1.1.0"),), (OLD_SDIST, OLD_WHEEL), OLD_WHEEL),
        ((WHEEL,), (MAC.format("1.0.0"), LINUX.format("1.0.0")), LINUX.format("1.0.0")),
        (
            (LINUX.format("1.1.0").replace("cp311", "cp312"),),
            (MAC.format("1.0.0").replace("-cp311-cp311", "-cp310-cp310"), LINUX.format("1.0.0")),
            LINUX.format("1.0.0"),
        ),
        ((LINUX.format("1.1.0"),), (OLD_SDIST,), None),
        ((SDIST,), (OLD_WHEEL,), None),
    ],
)
def test_a_wheel_with_new_tags_is_held_against_one_of_the_same_platform_or_any(
    ours: tuple[str, ...], before: tuple[str, ...], expected: str | None
) -> None:
    old = Before(version=Version("1.0.0"), index="registry", files=tuple(map(listed, before)))
    found = [theirs.filename for _, theirs in kin([distribution(name) for name in ours], old)]
    assert found == ([] if expected is None else [expected])


def test_a_wheel_that_came_to_hold_machine_code_is_a_new_binary_though_its_tags_changed() -> None:
    """Neither its size nor what it lacks says anything: it was built for something else."""
    pure = but(files=("widget/__init__.py", "widget/slow.py"), size=10)
    assert [one.kind for one in compare(pure, PLAIN, kin=True)] == [DifferenceKind.NEW_BINARY]
