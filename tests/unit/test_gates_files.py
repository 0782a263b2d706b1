"""The gates about the files: version, name, twine check, and what stands on the indexes."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import pytest

from bot.domain.distributions import Distribution, IndexFile
from bot.domain.verdicts import Consequence, GateResult, Verdict
from bot.ports.index import Gathered
from bot.release.facts import Facts, IndexFacts, Look, LookKind, NameFacts, Seen, Unreadable
from bot.release.gates import index_guard, name_allowed, twine_check, version_matches
from tests.unit.release_facts import (
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

FILE_GATES = [version_matches, name_allowed, twine_check, index_guard]
MEND = ". Set the version and push a new tag; nothing was uploaded"


def with_files(*files: Distribution, problems: tuple[str, ...] = ()) -> Facts:
    return replace(good_facts(), files=Seen(Gathered(files=files, problems=problems)))


def blocks(name: str, reason: str) -> GateResult:
    return GateResult(name=name, verdict=Verdict.FAIL, reason=reason, consequence=Consequence.BLOCK)


@pytest.mark.parametrize("gate", FILE_GATES)
def test_nothing_is_said_of_files_nobody_looked_at(gate: ModuleType) -> None:
    assert gate.judge(wanted(), replace(good_facts(), files=None)) == Look(LookKind.FILES)


@pytest.mark.parametrize("gate", FILE_GATES)
def test_where_there_are_no_usable_files_these_gates_do_not_apply(gate: ModuleType) -> None:
    assert gate.judge(wanted(), with_files(problems=("the artifacts hold no wheel",))) == GateResult(
        name=gate.NAME, verdict=Verdict.NOT_APPLICABLE, reason="there are no usable distributions"
    )


@pytest.mark.parametrize(
    ("ref", "version", "wheel"),
    [
        ("v1.1.0", "1.1.0", WHEEL),
        ("pkg/v1.1.0", "1.1.0", WHEEL),
        ("v1.1.0-rc.1", "1.1.0rc1", "acme_widget-1.1.0rc1-py3-none-any.whl"),
        ("v01.1.0", "1.1.0", WHEEL),
        ("v1.1", "1.1", "acme_widget-1.1.0-py3-none-any.whl"),
    ],
)
def test_one_version_in_tag_metadata_and_file_name_passes(ref: str, version: str, wheel: str) -> None:
    facts = with_files(distribution(wheel, version=version))
    said = version_matches.judge(wanted(ref=ref), facts)
    assert said == GateResult(
        name="version_matches",
        verdict=Verdict.PASS,
        reason=f"tag, metadata and file names say acme-widget {version}",
    )


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        (
            (distribution("acme_widget-1.2.0-py3-none-any.whl", version="1.2.0"), distribution(SDIST)),
            f"tag v1.1.0 says 1.1.0, but acme_widget-1.2.0-py3-none-any.whl says 1.2.0{MEND}",
        ),
        ((distribution(WHEEL, version="1.2.0"),), f"{WHEEL} holds metadata of acme-widget 1.2.0{MEND}"),
        ((distribution(WHEEL, name="other"),), f"{WHEEL} holds metadata of other 1.1.0{MEND}"),
        ((distribution(WHEEL, version="one"),), f"{WHEEL} says version 'one', which is not PEP 440{MEND}"),
        ((distribution("widget.zip"),), f"widget.zip is not the file name of a wheel or sdist{MEND}"),
        (
            (
                distribution("acme_widget-1.2-py3-none-any.whl", version="1.2"),
                distribution("acme_widget-1.2.tar.gz", version="1.2"),
            ),
            "tag v1.1.0 says 1.1.0, but acme_widget-1.2-py3-none-any.whl and acme_widget-1.2.tar.gz say 1.2" + MEND,
        ),
        (
            (distribution(WHEEL), distribution("other-1.1.0.tar.gz", name="other")),
            "the artifacts hold distributions of different projects: acme-widget, other. Name one in the tag, as in "
            "acme-widget/v1.2.3, or say `package` in the rule",
        ),
    ],
)
def test_whatever_disagrees_with_the_tag_blocks_and_is_named(files: tuple[Distribution, ...], reason: str) -> None:
    assert version_matches.judge(wanted(), with_files(*files)) == blocks("version_matches", reason)


def test_all_files_that_disagree_are_named_at_once() -> None:
    facts = with_files(distribution(WHEEL, version="2"), distribution(SDIST, version="3"))
    said = version_matches.judge(wanted(), facts)
    assert isinstance(said, GateResult)
    assert said.reason == (f"{WHEEL} holds metadata of acme-widget 2; {SDIST} holds metadata of acme-widget 3{MEND}")


def test_a_tag_that_is_no_version_blocks_before_anything_is_downloaded() -> None:
    said = version_matches.judge(wanted(ref="vnext"), replace(good_facts(), files=None))
    assert said == blocks("version_matches", "tag vnext is no PEP 440 version: push a tag such as v1.2.3")


@pytest.mark.parametrize(
    ("declared", "owner", "names", "reason"),
    [
        (None, 42, (), "acme-widget is recorded for this project"),
        ("something-else", 42, (), "acme-widget is recorded for this project"),
        (None, None, ("acme-*",), "policy lets this project publish acme-widget"),
        ("something-else", None, ("acme-*",), "policy lets this project publish acme-widget"),
        ("Acme.Widget", None, (), "the project's own metadata declares acme-widget"),
    ],
)
def test_a_name_that_is_the_projects_own_passes(
    declared: str | None, owner: int | None, names: tuple[str, ...], reason: str
) -> None:
    facts = replace(good_facts(), names=Seen(NameFacts(declared=declared, owner=owner)))
    said = name_allowed.judge(wanted(names=names), facts)
    assert said == GateResult(name="name_allowed", verdict=Verdict.PASS, reason=reason)


def test_without_any_declaration_the_name_of_the_project_will_do() -> None:
    facts = replace(with_files(distribution("Widget-1.1.0.tar.gz", name="Widget")), names=Seen(NOBODY))
    assert name_allowed.judge(wanted(), facts) == GateResult(
        name="name_allowed", verdict=Verdict.PASS, reason="Widget is what the project is called"
    )


@pytest.mark.parametrize(("path", "whose"), [("acme/secret/widget", "acme/secret/widget"), (None, "project 7")])
def test_whose_a_name_is_is_told_and_not_to_everybody(path: str | None, whose: str) -> None:
    """The other project may be private, and a note on a merge request is read by whoever sees that."""
    facts = replace(good_facts(), names=Seen(NameFacts(declared="acme-widget", owner=7, owner_path=path)))
    said = name_allowed.judge(wanted(), facts)
    assert isinstance(said, GateResult)
    rest = "a project may publish only its own names. `ropewalk release names acme-widget --to acme/tools/widget` hands"
    assert said.reason.startswith(f"acme-widget is published by {whose}; {rest}")
    assert said.for_all.startswith(f"acme-widget is published by another project; {rest}")


NOBODY = NameFacts(declared=None, owner=None)


@pytest.mark.parametrize(
    ("known", "names", "reason"),
    [
        (
            NameFacts(declared="widget", owner=None),
            ("gadget*",),
            "the artifacts are of acme-widget, but the project's metadata declares widget: correct the job, or allow "
            "the name under releases[].names",
        ),
        (
            NOBODY,
            (),
            "nothing says that this project may publish acme-widget: declare it in pyproject.toml, or allow it under "
            "releases[].names",
        ),
    ],
)
def test_a_name_that_is_not_the_projects_blocks(known: NameFacts, names: tuple[str, ...], reason: str) -> None:
    said = name_allowed.judge(wanted(names=names), replace(good_facts(), names=Seen(known)))
    assert said == blocks("name_allowed", reason)


def test_who_owns_a_name_is_looked_up_once_the_files_are_known() -> None:
    assert name_allowed.judge(wanted(), replace(good_facts(), names=None)) == Look(LookKind.NAMES)


def test_files_that_twine_accepts_pass() -> None:
    assert twine_check.judge(wanted(), good_facts()) == GateResult(
        name="twine_check", verdict=Verdict.PASS, reason="2 files pass twine check --strict"
    )


def test_what_twine_objects_to_blocks_in_its_words() -> None:
    facts = with_files(distribution(WHEEL, problem="`long_description` missing"), distribution(SDIST))
    reason = f"{WHEEL}: `long_description` missing. Mend the metadata and push a new tag; nothing was uploaded"
    assert twine_check.judge(wanted(), facts) == blocks("twine_check", reason)


def seen_on(registry: tuple[IndexFile, ...] = (), public: tuple[IndexFile, ...] = ()) -> Facts:
    indexes = {"registry": Seen(index(REGISTRY, *registry)), "public": Seen(index(PUBLIC, *public))}
    return replace(good_facts(), indexes=indexes)


def test_every_index_is_looked_at_in_order_before_anything_is_sent() -> None:
    facts = good_facts()
    assert index_guard.judge(wanted(), replace(facts, indexes={})) == Look(LookKind.INDEX, index="registry")
    first = {"registry": facts.indexes["registry"]}
    assert index_guard.judge(wanted(), replace(facts, indexes=first)) == Look(LookKind.INDEX, index="public")


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        (seen_on(), "no such file on any index yet"),
        (seen_on((listed("acme_widget-1.0.0.tar.gz", "ab" * 32),)), "no such file on any index yet"),
        (
            seen_on((listed(WHEEL),), (listed(WHEEL), listed(SDIST))),
            f"identical already: {WHEEL} on registry, {WHEEL} on public, {SDIST} on public",
        ),
    ],
)
def test_absent_or_identical_files_pass(facts: Facts, reason: str) -> None:
    said = index_guard.judge(wanted(), facts)
    assert said == GateResult(name="index_guard", verdict=Verdict.PASS, reason=reason)


@pytest.mark.parametrize(
    ("facts", "where"),
    [
        (seen_on((listed(WHEEL, "ab" * 32),)), "registry"),
        (seen_on((listed(WHEEL),), (listed(WHEEL, "ab" * 32),)), "public"),
    ],
)
def test_other_bytes_under_one_of_our_names_are_a_conflict_on_whichever_index(facts: Facts, where: str) -> None:
    assert index_guard.judge(wanted(), facts) == GateResult(
        name="index_guard",
        verdict=Verdict.FAIL,
        reason=f"{WHEEL} already stands on {where} with other bytes (there sha256 abababababab…, here "
        f"{distribution(WHEEL).sha256[:12]}…). Nothing is overwritten: release a new version",
        consequence=Consequence.CONFLICT,
    )


def test_all_that_is_wrong_on_any_index_is_said_at_once() -> None:
    """A conflict on one index and another that cannot be read; nobody has to mend them one by one."""
    indexes: dict[str, Seen[IndexFacts] | Unreadable] = {}
    indexes |= {"registry": Unreadable("403"), "public": Seen(index(PUBLIC, listed(WHEEL, "ab" * 32)))}
    said = index_guard.judge(wanted(), replace(good_facts(), indexes=indexes))
    assert isinstance(said, GateResult)
    assert said.consequence is Consequence.CONFLICT
    assert f"{WHEEL} already stands on public" in said.reason
    assert "cannot tell what stands on registry (403)" in said.reason


def test_an_index_that_cannot_be_looked_at_blocks() -> None:
    indexes: dict[str, Seen[IndexFacts] | Unreadable] = {}
    indexes |= {"registry": Unreadable("403 for the simple page"), "public": Seen(index(PUBLIC))}
    assert index_guard.judge(wanted(), replace(good_facts(), indexes=indexes)) == GateResult(
        name="index_guard",
        verdict=Verdict.UNKNOWN,
        reason="cannot tell what stands on registry (403 for the simple page), so nothing is uploaded",
        consequence=Consequence.BLOCK,
    )
