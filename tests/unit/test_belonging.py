"""Several packages in one repository: which files are a release's, whose names they are, and what changed before."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.distributions import Distribution
from bot.domain.policy import IndexKind, IndexSpec, ReleaseRule
from bot.domain.refs import RefKind
from bot.domain.verdicts import Consequence, GateResult, Verdict
from bot.ports.index import Gathered
from bot.release.belonging import belonging, claim, metadata_paths
from bot.release.changing import lower_tags
from bot.release.facts import Facts, NameFacts, Seen, Wanted
from bot.release.gates import name_allowed, version_matches
from tests.fake_store import FakeKept
from tests.unit.release_facts import PROJECT, REGISTRY, WHEEL, distribution, good_facts, index, listed, tag, wanted

CORE = (
    distribution("acme_core-1.1.0-py3-none-any.whl", name="Acme.Core"),
    distribution("acme_core-1.1.0.tar.gz", name="acme-core"),
)
CLI = (distribution("acme_cli-2.0-py3-none-any.whl", name="acme-cli", version="2.0"),)
BOTH = Gathered(files=(*CORE, *CLI))


def of(ref: str, **rule: object) -> Wanted:
    want = wanted(ref=ref)
    return replace(want, rule=replace(want.rule, **rule))  # type: ignore[arg-type]  # fields by name


@pytest.mark.parametrize(
    ("want", "mine"),
    [
        (of("acme-core/v1.1.0"), CORE),
        (of("libs/acme_core-1.1.0"), CORE),
        (of("Acme-CLI@2.0"), CLI),
        (of("v1.1.0", package="ACME_Core"), CORE),
        (of("acme-cli/v1.1.0", package="acme-core"), CORE),
    ],
)
def test_prefix_or_policy_says_which_package_it_is(want: Wanted, mine: tuple[Distribution, ...]) -> None:
    found = belonging(want, BOTH)
    assert found.files == mine
    assert set(found.aside) == {file.filename for file in BOTH.files if file not in mine}


@pytest.mark.parametrize("want", [of("v1.1.0"), of("release/1.1.0"), of("nightly-1.1.0")])
def test_a_prefix_that_names_no_package_says_nothing(want: Wanted) -> None:
    assert belonging(want, BOTH) == BOTH
    assert belonging(want, Gathered(files=CORE)) == Gathered(files=CORE)


def test_a_branch_has_no_prefix() -> None:
    want = of("acme-core-1.1.0")
    branch = replace(want, id=replace(want.id, kind=RefKind.BRANCH))
    assert belonging(branch, BOTH) == BOTH
    assert metadata_paths(branch.id) == ("pyproject.toml", "setup.cfg", "setup.py")


def test_a_package_that_was_not_built_is_a_problem() -> None:
    found = belonging(of("v1.1.0", package="acme-docs"), BOTH)
    assert found == Gathered(
        files=(),
        problems=("the jobs built Acme.Core, acme-cli, acme-core, and policy says that v1.1.0 is about acme-docs",),
    )
    broken = Gathered(files=(), problems=("the artifacts are gone",), again=True)
    assert belonging(of("v1.1.0", package="acme-docs"), broken) == broken


def test_what_was_laid_aside_is_told() -> None:
    want = of("acme-core/v1.1.0")
    said = version_matches.judge(want, replace(good_facts(), files=Seen(belonging(want, BOTH))))
    assert isinstance(said, GateResult)
    assert (said.verdict, said.reason) == (
        Verdict.PASS,
        "tag, metadata and file names say Acme.Core 1.1.0; not of this release: acme_cli-2.0-py3-none-any.whl",
    )


def test_metadata_is_looked_for_where_the_prefix_points() -> None:
    assert metadata_paths(of("libs/core-v1.1.0").id) == (
        "pyproject.toml",
        "setup.cfg",
        "setup.py",
        "libs/core/pyproject.toml",
        "libs/core/setup.cfg",
        "libs/core/setup.py",
        "packages/core/pyproject.toml",
        "packages/core/setup.cfg",
        "packages/core/setup.py",
    )


def test_the_release_before_is_the_last_one_of_the_same_package() -> None:
    names = [
        "acme-core-v1.0.0",
        "acme-core/v1.0.9",
        "acme-cli-v1.0.5",
        "v1.0.8",
        "acme-core-v0.9",
        "acme-core-v1.0.0rc1",
    ]
    tags = tuple(tag(name) for name in (*names, "acme-core-v1.1.0"))
    want = replace(wanted(ref="acme-core-v1.1.0"), rule=ReleaseRule(projects=("**",), tags=("*",)))
    found = lower_tags(want, tag("acme-core-v1.1.0"), tags)
    assert found[0].name == "acme-core/v1.0.9", "the sign between name and version does not matter"


# Local versions.


@pytest.mark.parametrize(
    ("kind", "version", "passes"),
    [
        (IndexKind.PYPI, "1.1.0+local", False),
        (IndexKind.TESTPYPI, "1.1.0+local", False),
        (IndexKind.SIMPLE, "1.1.0+local", True),
        (IndexKind.PYPI, "1!1.1.0.post1.dev2", True),
    ],
)
def test_a_local_version_goes_to_no_public_index(kind: IndexKind, version: str, passes: bool) -> None:
    want = wanted(ref=f"v{version}", indexes=(REGISTRY, IndexSpec(name="outside", kind=kind)))
    file = distribution(f"acme_widget-{version}.tar.gz", version=version)
    said = version_matches.judge(want, replace(good_facts(), files=Seen(Gathered(files=(file,)))))
    assert isinstance(said, GateResult)
    assert (said.verdict is Verdict.PASS) is passes, said.reason
    assert passes or said.reason == (
        "1.1.0+local has a local part, which outside never takes: release 1.1.0, or leave that index out"
    )


# New names.


def names(declared: str | None, owner: int | None = None, *, claimed: bool = False) -> Facts:
    return replace(good_facts(), names=Seen(NameFacts(declared=declared, owner=owner, claimed=claimed)))


@pytest.mark.parametrize(
    ("rule", "facts", "verdict", "words"),
    [
        ({}, names("acme-widget"), Verdict.PASS, "the project's own metadata declares acme-widget"),
        ({"new_names": False}, names("acme-widget"), Verdict.FAIL, "acme-widget is new, and policy asks for its yes"),
        ({"new_names": False}, names("acme-widget", PROJECT.id), Verdict.PASS, "is recorded for this project"),
        ({"new_names": False, "names": ("acme-*",)}, names(None), Verdict.PASS, "policy lets this project publish"),
        (
            {"new_names": False, "names": ("Acme_Widget",)},
            names(None),
            Verdict.PASS,
            "policy lets this project publish",
        ),
        ({"new_names": False, "names": ("Acme.*",)}, names(None), Verdict.PASS, "policy lets this project publish"),
        ({"new_names": False, "package": "Acme_Widget"}, names(None), Verdict.PASS, "policy lets this project publish"),
        ({"package": "acme-widget"}, names("acme"), Verdict.PASS, "policy lets this project publish acme-widget"),
        ({"names": ("*",)}, names("acme-widget", 7), Verdict.FAIL, "acme-widget is published by project 7"),
        ({}, names("acme-widget", PROJECT.id, claimed=True), Verdict.PASS, "own metadata declares acme-widget"),
    ],
)
def test_a_new_name_needs_what_policy_asks_for(
    rule: dict[str, object], facts: Facts, verdict: Verdict, words: str
) -> None:
    said = name_allowed.judge(of("v1.1.0", **rule), facts)
    assert isinstance(said, GateResult)
    assert (said.verdict, said.consequence is Consequence.NONE) == (verdict, verdict is Verdict.PASS)
    assert words in said.reason
    assert verdict is Verdict.PASS or "release names acme-widget --to acme/tools/widget`" in said.reason


def test_a_name_that_is_new_to_us_and_not_to_an_index_is_told() -> None:
    there = index(REGISTRY, listed(WHEEL), listed("acme_widget-0.9.tar.gz"), listed("acme_widget-0.8.tar.gz"))
    facts = replace(names("acme-widget"), indexes={"registry": Seen(there)})
    said = name_allowed.judge(wanted(), facts)
    assert isinstance(said, GateResult)
    assert said.reason.endswith("declares acme-widget; new to this bot, though other files of it stand on registry (2)")


def test_a_claim_is_the_first_ones() -> None:
    kept, facts = FakeKept(), names("acme-widget")
    ours = claim(kept, wanted(), facts)
    assert ours is not None
    assert ours.names == Seen(NameFacts(declared="acme-widget", owner=PROJECT.id, claimed=True))
    assert claim(kept, wanted(), ours) is None, "once is enough"
    theirs = claim(kept, wanted(project=replace(PROJECT, id=7)), facts)
    assert theirs is not None
    assert theirs.names == Seen(NameFacts(declared="acme-widget", owner=PROJECT.id))
