"""What looks like a distribution and is none: which files, why, and what a release says of them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.distributions import parse_filename
from bot.domain.left_out import SHOWN, LeftOut, left_out, lookalike, sentences
from bot.domain.policy import ExpectedFiles, Source
from bot.domain.verdicts import Consequence, GateResult, Verdict
from bot.ports.index import Gathered
from bot.release.belonging import belonging
from bot.release.facts import Choice, Facts, Look, LookKind, Seen
from bot.release.gates import expected_files
from bot.release.gates import left_out as gate
from bot.release.judge import judge
from tests.unit.release_facts import SDIST, WHEEL, distribution, good_facts, wanted

PEP_625 = "an sdist is a .tar.gz (PEP 625)"
EGGS = "eggs are taken by no index any more (PEP 715)"
NO_NAME = "no .tar.gz is an sdist unless it is called NAME-VERSION.tar.gz (PEP 625)"
OUTSIDE = "it lies outside dist/"

LOOKALIKES = [
    ("acme_widget-1.1.0.zip", "acme-widget", PEP_625),
    ("Acme.Widget-1.1.0.tar.bz2", "acme-widget", PEP_625),
    ("acme-widget-1.1rc1.tgz", "acme-widget", PEP_625),
    ("acme_widget-1.1.0.tar.xz", "acme-widget", PEP_625),
    ("acme_widget-1.1.0.tar.Z", "acme-widget", PEP_625),
    ("acme_widget-1.1.0.tar", "acme-widget", PEP_625),
    ("acme_widget-1.1.0.TAR.GZ", "acme-widget", NO_NAME),
    ("acme_widget-1.1.0-py3.11.egg", "acme-widget", EGGS),
    ("acme_widget-1.1.0-py3.11-linux-x86_64.egg", "acme-widget", EGGS),
    ("acme_widget-1.1.0.linux-x86_64.tar.gz", "acme-widget", NO_NAME),
    ("acme_widget-latest.tar.gz", "acme-widget-latest-tar-gz", NO_NAME),
]


@pytest.mark.parametrize(("filename", "name", "why"), LOOKALIKES)
def test_what_looks_like_a_distribution_is_told_with_its_name_and_the_reason(
    filename: str, name: str, why: str
) -> None:
    like = lookalike(filename)
    assert like is not None
    assert (like.name, like.why[: len(why)]) == (name, why)


@pytest.mark.parametrize(
    "filename",
    [
        *(
            WHEEL,
            SDIST,
            "report.xml",
            "pages.zip",
            "coverage.tar.bz2",
            "acme_widget-docs.zip",
            "acme_widget.egg",
            "a.whl",
        ),
        *("acme_widget-1.1.0.exe", "acme_widget-1.1.0.rpm", "acme_widget-1.1.0.json", ".zip", "-1.0.zip", ""),
    ],
)
def test_distributions_and_all_that_is_something_else_look_like_nothing(filename: str) -> None:
    assert lookalike(filename) is None


@given(st.text(max_size=40), st.sampled_from(["", ".zip", ".tar.gz", ".egg", "-1.0.tar.bz2", "-1.0-py3.egg"]))
def test_nothing_is_both_a_distribution_and_left_out_for_its_name(stem: str, suffix: str) -> None:
    assert parse_filename(stem + suffix) is None or lookalike(stem + suffix) is None


NAMES, TAKEN = {"acme-widget"}, {WHEEL}
PLACES: list[tuple[str, str, Collection[str], Collection[str], str | None]] = [
    ("dist", "acme_widget-1.1.0.zip", TAKEN, NAMES, PEP_625),
    ("dist", "other-2.0.zip", TAKEN, NAMES, PEP_625),
    ("out/dist", "docs.tar.gz", TAKEN, NAMES, NO_NAME),
    ("", "acme_widget-1.1.0.zip", TAKEN, NAMES, PEP_625),
    ("", "docs.tar.gz", TAKEN, NAMES, None),
    ("", "other-2.0.zip", TAKEN, NAMES, None),
    ("", "other-2.0.zip", (), (), PEP_625),
    ("wheelhouse", SDIST, TAKEN, NAMES, OUTSIDE),
    ("wheelhouse", WHEEL, TAKEN, NAMES, None),
    ("wheelhouse", "dep-9-py3-none-any.whl", TAKEN, NAMES, None),
]


@pytest.mark.parametrize(("folder", "filename", "taken", "names", "why"), PLACES)
def test_only_what_was_meant_to_be_published_is_left_out(
    folder: str, filename: str, taken: Collection[str], names: Collection[str], why: str | None
) -> None:
    left = left_out(filename, folder.split("/"), taken, names)
    assert (left.why[: len(why or "")] if left else None) == why


def left(filename: str, name: str = "acme-widget", why: str = "because. Do this") -> LeftOut:
    return LeftOut(filename=filename, origin="job 31 (build)", name=name, why=why)


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ((), ""),
        ((left("a.zip"),), "a.zip of job 31 (build) is left out: because. Do this"),
        (
            (left("a.zip"), left("b.egg", why="so"), left("c.zip")),
            "a.zip of job 31 (build), c.zip of job 31 (build) are left out: because. Do this. "
            "b.egg of job 31 (build) is left out: so",
        ),
        (
            tuple(left(f"{n}.zip") for n in range(SHOWN + 2)),
            ", ".join(f"{n}.zip of job 31 (build)" for n in range(SHOWN))
            + " and 2 more are left out: because. Do this",
        ),
    ],
)
def test_files_left_out_for_one_reason_are_one_sentence(files: tuple[LeftOut, ...], told: str) -> None:
    assert sentences(files) == told


ZIP = left("acme_widget-1.1.0.zip")
TOLD = "acme_widget-1.1.0.zip of job 31 (build) is left out: because. Do this"
SAID = GateResult(name="left_out", verdict=Verdict.FAIL, reason=TOLD)


def having(found: tuple[LeftOut, ...] | None, *, said: tuple[GateResult, ...] = ()) -> Facts:
    return replace(good_facts(), files=Seen(Gathered(files=(distribution(WHEEL),), left_out=found)), said=said)


KEPT: list[tuple[str, Facts, GateResult | None]] = [
    ("nothing left out", having(()), None),
    ("a file left out", having((ZIP,)), SAID),
    ("kept, and told when it was gathered", having(None, said=(SAID,)), SAID),
    ("kept, and nothing was told", having(None), None),
    ("gathered anew, and mended", having((), said=(SAID,)), None),
    (
        "what a pipeline uploads by itself",
        replace(having((ZIP,)), source=Choice(source=Source.PIPELINE, reason="")),
        None,
    ),
]


@pytest.mark.parametrize(("facts", "said"), [row[1:] for row in KEPT], ids=[row[0] for row in KEPT])
def test_the_gate_tells_what_is_left_out_and_stops_nothing(facts: Facts, said: GateResult | None) -> None:
    assert gate.judge(wanted(), facts) == said
    assert judge(wanted(), facts).consequence is Consequence.NONE


def test_the_gate_looks_for_the_files_first() -> None:
    assert gate.judge(wanted(), replace(good_facts(), files=None)) == Look(LookKind.FILES)


@pytest.mark.parametrize("facts", [having((ZIP,)), having(None, said=(SAID,))], ids=["gathered", "kept"])
def test_an_sdist_that_policy_expects_and_that_is_a_zip_blocks_with_the_reason(facts: Facts) -> None:
    plain = wanted()
    asked = replace(plain, rule=replace(plain.rule, expect=ExpectedFiles(sdist=True)))
    said = expected_files.judge(asked, facts)
    assert isinstance(said, GateResult)
    assert said.consequence is Consequence.BLOCK
    assert said.reason == (
        f"policy expects an sdist. The jobs made 1 wheel and no sdists; {TOLD}. Mend them and push a new tag; nothing "
        "was uploaded"
    )


@pytest.mark.parametrize(
    ("ref", "told"),
    [
        ("acme-widget/v1.1.0", ["acme_widget-1.1.0.zip", "unnamed.tar.gz"]),
        ("v1.1.0", ["acme_widget-1.1.0.zip", "other-1.zip", "unnamed.tar.gz"]),
    ],
)
def test_what_another_package_leaves_out_is_not_this_ones_matter(ref: str, told: list[str]) -> None:
    both = (ZIP, left("other-1.zip", "other"), left("unnamed.tar.gz", ""))
    gathered = belonging(wanted(ref=ref), Gathered(files=(distribution(WHEEL),), left_out=both))
    assert [one.filename for one in gathered.left_out or ()] == told
