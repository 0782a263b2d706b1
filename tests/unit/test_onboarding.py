"""What `ropewalk ci init` would propose, and when it keeps its hands off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
import yaml

from bot.adapters.ci.components import shipped_components
from bot.adapters.ci.reading import read_ci
from bot.domain.ci import CiFacts, CiUnknown
from bot.domain.proposals import Head, Proposal
from bot.notes.pipelines import proposal
from bot.onboarding.decide import (
    BRANCH,
    CI_FILE,
    OWN_FILE,
    ByHand,
    Destination,
    Rest,
    Seen,
    Steps,
    Wish,
    missing,
    wanted_files,
)
from bot.onboarding.stamp import MARKER, commit_message, is_our_commit, stamped, unchanged
from bot.sandbox.ci.config import read_config
from tests.unit.ci_texts import RULE, project

BOT = 7
TESTS = """\
stages: [lint, test, ship]
default:
  before_script: [make setup]
tests:
  stage: test
  script: [make test]
"""
BOTH = Wish(to=Destination.BOTH)
HOSTED = replace(BOTH, place="gitlab.example.com/acme/ci", version="1.2.0")


def parse(text: str) -> CiFacts | CiUnknown:
    return read_ci(text, merged=False)


def seen(files: Mapping[str, str] | None = None, ci_path: str = CI_FILE) -> Seen:
    return Seen(
        ci_path=ci_path,
        target="main",
        base=Head(sha="a" * 40, message="Begin"),
        files=files or {},
        branch=None,
        proposed={},
        requests=(),
    )


def wanted(files: Mapping[str, str] | None = None, wish: Wish = BOTH) -> dict[str, str]:
    found = wanted_files(seen(files), wish, shipped_components(), parse)
    assert isinstance(found, dict), found
    return found


def request(state: str = "opened", author: int = BOT, text: str = MARKER) -> Proposal:
    return Proposal(iid=3, state=state, author_id=author, target_branch="main", description=text, web_url="u")


def left(where: Seen, files: Mapping[str, str]) -> Rest | Steps:
    return missing(where, files, subject="Add jobs", user_id=BOT)


def proposed(where: Seen, files: Mapping[str, str], *requests: Proposal) -> Seen:
    head = Head(sha="b" * 40, message=commit_message("Add jobs", files))
    return replace(where, branch=head, proposed=files, requests=requests)


@pytest.mark.parametrize(
    ("to", "names"),
    [
        (Destination.REGISTRY, ["build-distributions", "check-distributions", "publish-gitlab"]),
        (Destination.PYPI, ["build-distributions", "check-distributions", "publish-pypi"]),
        (Destination.BOTH, ["build-distributions", "check-distributions", "publish-gitlab", "publish-pypi"]),
    ],
)
def test_a_project_without_a_file_gets_one_that_gitlab_reads_and_the_audit_likes(
    to: Destination, names: list[str]
) -> None:
    (text,) = wanted(wish=Wish(to=to)).values()
    assert [job.name for job in read_config(text, read=lambda _: None, files=list).jobs] == names
    rules = [rule for name, rule in RULE.items() if name.startswith("RW2")]
    assert [finding for rule in rules for finding in rule.judge(project(text))] == []
    assert unchanged(text)


def test_attestations_are_proposed_where_they_can_be_signed() -> None:
    (text,) = wanted(wish=replace(BOTH, attest=True)).values()
    assert "SIGSTORE_ID_TOKEN" in text
    assert "SIGSTORE_ID_TOKEN" not in next(iter(wanted().values()))


def test_the_components_of_another_project_are_included_by_version() -> None:
    (text,) = wanted(wish=HOSTED).values()
    assert yaml.safe_load(text)["include"][0] == {"component": "gitlab.example.com/acme/ci/build@1.2.0"}


@pytest.mark.parametrize("wish", [BOTH, HOSTED])
def test_a_file_that_is_there_is_kept_and_includes_ours(wish: Wish) -> None:
    files = wanted({CI_FILE: TESTS}, wish)
    assert files[CI_FILE] == f"{TESTS}\ninclude:\n  - local: /{OWN_FILE}\n"
    assert unchanged(files[OWN_FILE])
    again = {**files}
    assert wanted(again, wish) == files


def test_publishing_waits_for_the_jobs_that_are_there_in_stages_that_are_there() -> None:
    more = TESTS + "deploy docs:\n  stage: ship\n  when: manual\n  script: [make docs]\n"
    files = wanted({CI_FILE: more})
    config = read_config(files[CI_FILE], read=files.get, files=lambda: list(files))
    jobs = {job.name: job for job in config.jobs}
    assert {name: jobs[name].stage for name in ("build-distributions", "check-distributions", "publish-pypi")} == {
        "build-distributions": "lint",
        "check-distributions": "test",
        "publish-pypi": "ship",
    }
    needs = {need.job: (need.artifacts, need.optional) for need in jobs["publish-pypi"].needs or ()}
    assert needs["tests"] == (False, True)
    assert "deploy docs" not in needs
    assert jobs["publish-gitlab"].before_script == ()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("x: {script: [twine upload dist/*]}\n", "publishes already, in x"),
        ("include: other.yml\nx: {script: [id]}\n", "has an `include` of its own"),
        ("publish-pypi: {script: [id]}\n", "has a job called publish-pypi"),
        ("stages: [.pre]\nx: {stage: .pre, script: [id]}\n", "names no stages"),
        ("{x: {script: [id]}}\n", "cannot be added to safely"),
        ("x: {script: [id]}\n...\n", "cannot be added to safely"),
        ("".join(f"x{number}: {{script: [id]}}\n" for number in range(41)), "more jobs than one job can wait for"),
        ("x: [\n", "could not be read"),
    ],
)
def test_what_is_not_safe_is_left_to_people_with_the_text(text: str, why: str) -> None:
    found = wanted_files(seen({CI_FILE: text}), BOTH, shipped_components(), parse)
    assert isinstance(found, ByHand)
    assert why in found.reason
    assert "publish-gitlab:" in found.text


def test_a_ci_file_that_is_kept_elsewhere_is_left_to_people() -> None:
    found = wanted_files(seen(ci_path="ci/main.yml"), BOTH, shipped_components(), parse)
    assert isinstance(found, ByHand)
    assert "ci/main.yml" in found.reason


def test_our_own_file_is_renewed_unless_somebody_changed_it() -> None:
    older = stamped("stages: [build]\n")
    assert wanted({CI_FILE: older}) == wanted()
    files = wanted({CI_FILE: TESTS})
    assert wanted({**files, OWN_FILE: older}) == files
    found = wanted_files(seen({**files, OWN_FILE: f"{older}# mine\n"}), BOTH, shipped_components(), parse)
    assert isinstance(found, ByHand)
    assert "changed by hand" in found.reason


def test_nothing_there_asks_for_a_commit_on_a_new_branch_and_a_merge_request() -> None:
    files = wanted()
    steps = left(seen(), files)
    assert isinstance(steps, Steps)
    assert steps.open
    assert steps.commit is not None
    assert (steps.commit.branch, steps.commit.new, steps.commit.parent) == (BRANCH, True, "a" * 40)
    assert is_our_commit(steps.commit.message, files)


def test_each_step_is_taken_once() -> None:
    files = wanted()
    where = proposed(seen(), files)
    assert left(where, files) == Steps(commit=None, open=True)
    opened = left(replace(where, requests=(request(),)), files)
    assert isinstance(opened, Rest)
    assert (opened.state, opened.done) == ("open", True)
    merged = left(replace(where, files=files, branch=None, requests=(request("merged"),)), files)
    assert isinstance(merged, Rest)
    assert (merged.state, merged.done) == ("there", True)


def test_a_newer_text_goes_onto_the_branch_that_only_we_touched() -> None:
    older, files = {CI_FILE: stamped("stages: [build]\n")}, wanted()
    steps = left(proposed(seen(), older, request()), files)
    assert isinstance(steps, Steps)
    assert steps.commit is not None
    assert (steps.commit.new, steps.commit.parent, steps.commit.known) == (False, "b" * 40, frozenset({CI_FILE}))
    assert (steps.open, steps.url) == (False, "u")


OLDER = {CI_FILE: stamped("stages: [build]\n")}


@pytest.mark.parametrize(
    ("where", "state"),
    [
        (proposed(seen(), OLDER, request(author=8)), "taken"),
        (proposed(seen(), OLDER, request(text="mine")), "taken"),
        (proposed(seen(), OLDER, request("closed")), "declined"),
        (proposed(seen(), OLDER, request("merged")), "left_over"),
        (replace(proposed(seen(), OLDER, request()), branch=Head(sha="c" * 40, message="Mend")), "changed"),
        (replace(proposed(seen(), OLDER, request()), proposed={CI_FILE: "x: {script: [id]}\n"}), "changed"),
        (replace(proposed(seen(), OLDER), proposed={}), "changed"),
    ],
)
def test_what_people_decided_or_changed_stays(where: Seen, state: str) -> None:
    rest = left(where, wanted())
    assert isinstance(rest, Rest)
    assert (rest.state, rest.done) == (state, False)


def test_the_merge_request_says_what_is_to_be_done_and_carries_the_marker() -> None:
    here = proposal(("build", "check", "publish-pypi"), trusted=True, marker=MARKER).description
    assert "trusted publishers" in here
    assert "registry" not in here
    elsewhere = proposal(("build", "check", "publish-gitlab", "publish-pypi"), trusted=False, marker=MARKER).description
    assert "does not trust identities of this GitLab" in elsewhere
    assert "package registry" in elsewhere
    for text in (here, elsewhere):
        assert text.endswith(f"\n{MARKER}\n")
        assert not any(line.startswith("/") for line in text.splitlines())
