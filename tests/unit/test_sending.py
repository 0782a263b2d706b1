"""Who may send from which job, and what is planned for files that were given: the words of a release's gates."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.policy import IndexKind, IndexSpec
from bot.domain.refs import RefKind
from bot.domain.releases import AttemptOutcome, ReleaseState
from bot.domain.running_job import RunningJob
from bot.domain.verdicts import Consequence, Verdict
from bot.ports.index import Gathered
from bot.release.actions import Upload
from bot.release.facts import Facts, Look, LookKind, Seen, Unreadable
from bot.release.plan import Act, Rest
from bot.release.sending import may_send, plan_sending
from tests.unit.release_facts import (
    NOON,
    PROJECT,
    REGISTRY,
    SDIST,
    SHA,
    WHEEL,
    attempt,
    distribution,
    index,
    listed,
    wanted,
)

PYPI = IndexSpec(name="pypi", kind=IndexKind.PYPI)
INHOUSE = IndexSpec(name="index", kind=IndexKind.SIMPLE, upload_url="https://u/", simple_url="https://s/")
JOB = RunningJob(
    id=31,
    name="publish",
    project_id=PROJECT.id,
    project=PROJECT.full_path,
    project_url=PROJECT.web_url,
    gitlab_url="https://gitlab.example.com",
    kind=RefKind.TAG,
    ref="v1.1.0",
    sha=SHA,
    ref_protected=True,
    from_fork=False,
)
LOOSE = replace(JOB, ref_protected=False)
FILES = Gathered(files=(distribution(WHEEL), distribution(SDIST)))
FACTS = Facts(now=NOON, files=Seen(FILES))
WANTED = wanted(indexes=(REGISTRY,))
FREE = may_send(JOB, REGISTRY, allow_unprotected=False)


@pytest.mark.parametrize(
    ("job", "spec", "accepted", "verdict", "words"),
    [
        (JOB, PYPI, False, Verdict.PASS, "GitLab says that v1.1.0 is protected"),
        (LOOSE, REGISTRY, False, Verdict.NOT_APPLICABLE, "the files stay in the project's own registry"),
        (LOOSE, PYPI, False, Verdict.FAIL, "every developer could publish to pypi"),
        (LOOSE, INHOUSE, False, Verdict.FAIL, "Settings > Repository > Protected tags"),
        (replace(LOOSE, kind=RefKind.BRANCH), PYPI, False, Verdict.FAIL, "Settings > Repository > Protected branches"),
        (LOOSE, PYPI, True, Verdict.WAIVED, "--allow-unprotected accepts that"),
        (replace(JOB, from_fork=True), REGISTRY, True, Verdict.FAIL, "a merge request from a fork"),
    ],
)
def test_only_a_protected_ref_publishes_outside_its_project_and_a_fork_nowhere(
    job: RunningJob, spec: IndexSpec, accepted: bool, verdict: Verdict, words: str
) -> None:
    said = may_send(job, spec, allow_unprotected=accepted)
    assert (said.name, said.verdict, words in said.reason) == ("ref_protected", verdict, True)
    assert (said.consequence is Consequence.BLOCK) is (verdict is Verdict.FAIL)


def test_who_may_not_send_is_stopped_before_anything_is_looked_at() -> None:
    drawn = plan_sending(WANTED, FACTS, may_send(LOOSE, PYPI, allow_unprotected=False))
    assert (drawn.step, drawn.state, len(drawn.gates)) == (Rest(), ReleaseState.BLOCKED, 1)


def test_nothing_is_sent_before_the_index_was_looked_at_and_wheels_go_first() -> None:
    assert plan_sending(WANTED, FACTS, FREE).step == Look(LookKind.INDEX, index="registry")
    seen = replace(FACTS, indexes={"registry": Seen(index(REGISTRY))})
    uploads = tuple(Upload(index="registry", filename=name) for name in (WHEEL, SDIST))
    assert plan_sending(WANTED, seen, FREE).step == Act(uploads)


STOPS: list[tuple[str, Facts, ReleaseState, str]] = [
    (
        "other bytes",
        replace(FACTS, indexes={"registry": Seen(index(REGISTRY, listed(WHEEL, "f" * 64)))}),
        ReleaseState.CONFLICT,
        "already stands on registry with other bytes",
    ),
    (
        "cannot look",
        replace(FACTS, indexes={"registry": Unreadable("it answers 401", 401)}),
        ReleaseState.BLOCKED,
        "cannot tell what stands on registry (it answers 401), so nothing is uploaded",
    ),
    (
        "twine objects",
        replace(FACTS, files=Seen(Gathered(files=(distribution(WHEEL, problem="`long_description` missing"),)))),
        ReleaseState.BLOCKED,
        "`long_description` missing",
    ),
    (
        "no archive",
        replace(FACTS, files=Seen(Gathered(files=(), problems=("it is no zip file.",)))),
        ReleaseState.FAILED,
        "it is no zip file",
    ),
    (
        "refused for good",
        replace(
            FACTS,
            indexes={"registry": Seen(index(REGISTRY))},
            attempts=(attempt(again=False, reason="400 no", at=NOON.replace(hour=11)),),
        ),
        ReleaseState.FAILED,
        "400 no",
    ),
    (
        "refused after one was taken",
        replace(
            FACTS,
            indexes={"registry": Seen(index(REGISTRY, listed(WHEEL)))},
            attempts=(
                attempt(AttemptOutcome.ACCEPTED, at=NOON.replace(hour=11)),
                attempt(item=SDIST, number=2, again=False, reason="400 no", at=NOON.replace(hour=11)),
            ),
        ),
        ReleaseState.PARTIAL,
        "Run the job again once that is mended",
    ),
]


@pytest.mark.parametrize(("facts", "state", "words"), [row[1:] for row in STOPS], ids=[row[0] for row in STOPS])
def test_what_stops_it_is_said_in_the_words_of_a_release(facts: Facts, state: ReleaseState, words: str) -> None:
    asked = replace(WANTED, asked=NOON.replace(hour=10))
    while isinstance((drawn := plan_sending(asked, facts, FREE)).step, Look):
        facts = replace(facts, indexes={"registry": Seen(index(REGISTRY))})
    assert (drawn.step, drawn.state) == (Rest(), state)
    assert words in (drawn.next or "")


def test_all_there_already_is_done_and_said() -> None:
    there = index(REGISTRY, *(listed(name) for name in (WHEEL, SDIST)))
    drawn = plan_sending(WANTED, replace(FACTS, indexes={"registry": Seen(there)}), FREE)
    assert (drawn.step, drawn.state) == (Rest(), ReleaseState.PUBLISHED)
    assert drawn.targets[-1].reason == "nothing uploaded: all 2 files stood there already, identical"
