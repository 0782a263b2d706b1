"""The planner on single sets of facts: what stops a release, what is told, what is verified."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.gitlab import Note, PipelineStatus, ReleaseLink, Variables
from bot.domain.refs import RefKind
from bot.domain.releases import AttemptOutcome, Receipt, ReleaseState, TargetState
from bot.ports.index import Gathered
from bot.release.actions import EditNote, PostNote
from bot.release.facts import ChangelogFile, Facts, Look, LookKind, Seen, Unreadable
from bot.release.plan import REPORT_AGAIN, Act, Rest, plan, prove
from tests.unit.release_facts import (
    NOON,
    OTHER_SHA,
    PUBLIC,
    REGISTRY,
    SDIST,
    WHEEL,
    attempt,
    changes,
    digest_of,
    distribution,
    good_facts,
    head,
    index,
    listed,
    pipeline,
    release_of,
    variable,
    wanted,
)
from tests.unit.simulated_world import TEXTS

OTHER_BYTES = "ee" * 32


def everything() -> Facts:
    """Published and told, all of it looked at."""
    files = (distribution(WHEEL), distribution(SDIST))
    indexes = {
        spec.name: Seen(index(spec, *(listed(file.filename, where=spec.name) for file in files)))
        for spec in (REGISTRY, PUBLIC)
    }
    return replace(
        good_facts(),
        indexes=indexes,
        changes=Seen(changes()),
        changelog_file=Seen(ChangelogFile(there=False)),
        milestones=Seen(()),
        release=Seen(
            release_of(
                description="<ours>1.1.0 2 files</ours>",
                links=tuple(
                    ReleaseLink(name=f"{f.filename}{suffix}", url=f"https://{name}.example.com/{f.filename}")
                    for name, suffix in (("registry", ""), ("public", " (public)"))
                    for f in files
                ),
            )
        ),
    )


def proof(kind: str) -> Receipt:
    return Receipt(target="index:registry", kind=kind, where="x", at=NOON, file=WHEEL, sha256=digest_of(WHEEL))


SENT = (proof("upload"),)
NOTE_RECEIPT = Receipt(target="note:!1", kind="note", where="x", at=NOON)
WEAK = Seen(Variables(flags=(variable(masked=False),)))
SPOILT: Seen[Gathered] = Seen(Gathered(files=(), problems=("the archive of job 31 is broken",)))


@pytest.mark.parametrize(
    ("facts", "state", "step"),
    [
        (everything(), ReleaseState.PUBLISHED, Rest()),
        (replace(everything(), variables=WEAK), ReleaseState.BLOCKED, Rest()),
        (replace(everything(), variables=WEAK, receipts=SENT), ReleaseState.PARTIAL, Rest()),
        (replace(everything(), variables=WEAK, receipts=(proof("found"),)), ReleaseState.BLOCKED, Rest()),
        (replace(everything(), pipeline=Seen(pipeline(PipelineStatus.FAILED))), ReleaseState.FAILED, Rest()),
        (replace(everything(), pipeline=Seen(pipeline(PipelineStatus.RUNNING))), ReleaseState.WAITING,
         Rest(timedelta(seconds=5))),
        (replace(everything(), files=SPOILT), ReleaseState.FAILED, Rest()),
        (replace(everything(), ref=Seen(head(sha=OTHER_SHA)), receipts=SENT), ReleaseState.WITHDRAWN, Rest()),
        (replace(everything(), ref=Seen(None)), ReleaseState.WITHDRAWN, Rest()),
        (replace(everything(), release=Unreadable("403")), ReleaseState.FAILED, Rest()),
        (replace(everything(), release=Unreadable("403"), receipts=SENT), ReleaseState.PARTIAL, Rest()),
        (replace(everything(), changes=Unreadable("403")), ReleaseState.PUBLISHED, Rest(REPORT_AGAIN)),
        (replace(everything(), indexes={}), ReleaseState.PLANNED, Look(LookKind.INDEX, index="registry")),
        (replace(everything(), indexes={}, attempts=(attempt(),)), ReleaseState.VERIFYING,
         Look(LookKind.INDEX, index="registry")),
    ],
)  # fmt: skip
def test_facts_lead_to_this_state_and_step(facts: Facts, state: ReleaseState, step: Look | Rest) -> None:
    drawn = plan(wanted(), facts, TEXTS)
    assert (drawn.state, drawn.step) == (state, step)


def test_a_blocked_release_tells_its_merge_requests() -> None:
    facts = replace(everything(), variables=WEAK, changes=Seen(changes(4)), notes={4: Seen(())})
    drawn = plan(wanted(), facts, TEXTS)
    assert isinstance(drawn.step, Act)
    (action,) = drawn.step.actions
    assert isinstance(action, PostNote)
    assert action.body.startswith("<note v1.1.0 !4> blocked: TWINE_PASSWORD")
    assert drawn.state is ReleaseState.BLOCKED


def test_a_withdrawn_release_that_told_nobody_keeps_silent() -> None:
    facts = replace(everything(), ref=Seen(None), changes=Seen(changes(4)), notes={4: Seen(())})
    assert plan(wanted(), facts, TEXTS).step == Rest()


def test_a_release_of_a_deleted_tag_corrects_the_notes_it_wrote() -> None:
    note = Note(id=1, body="<note v1.1.0 !1> blocked: x", author_id=TEXTS.OURS)
    facts = replace(
        everything(), ref=Seen(None), receipts=(NOTE_RECEIPT,), changes=Seen(changes(1)), notes={1: Seen((note,))}
    )
    drawn = plan(wanted(), facts, TEXTS)
    assert isinstance(drawn.step, Act)
    assert isinstance(drawn.step.actions[0], EditNote)


def test_a_release_whose_tag_moved_leaves_the_notes_to_the_release_of_the_new_commit() -> None:
    note = Note(id=1, body="<note v1.1.0 !1> published: None", author_id=TEXTS.OURS)
    facts = replace(
        everything(),
        ref=Seen(head(sha=OTHER_SHA)),
        receipts=(NOTE_RECEIPT,),
        changes=Seen(changes(1)),
        notes={1: Seen((note,))},
    )
    assert plan(wanted(), facts, TEXTS).step == Rest()


def test_reporting_that_fails_leaves_the_verdict_alone() -> None:
    refusal = attempt(AttemptOutcome.REFUSED, target="note:!4", item="-", again=False, reason="403 for the note")
    facts = replace(everything(), changes=Seen(changes(4)), notes={4: Seen(())}, attempts=(refusal,))
    drawn = plan(wanted(), facts, TEXTS)
    assert drawn.state is ReleaseState.PUBLISHED
    assert (drawn.targets[-1].name, drawn.targets[-1].state, drawn.targets[-1].reason) == (
        "note:!4",
        TargetState.FAILED,
        "403 for the note",
    )


@pytest.mark.parametrize(
    ("kind", "again", "words"),
    [
        (RefKind.TAG, False, "Mend the job that builds them and push a new tag; it is released by itself"),
        (RefKind.BRANCH, False, "Mend the job that builds them and merge that; it is released by itself"),
        (RefKind.TAG, True, "Resume once that is mended"),
    ],
)
def test_what_a_ref_can_only_make_again_needs_a_new_commit(kind: RefKind, again: bool, words: str) -> None:
    """A job's broken archive stays so for that commit; one that is merely gone comes back with the job."""
    want = wanted()
    spoilt = Seen(Gathered(files=(), problems=("The archive is broken.", "So is the other."), again=again))
    facts = replace(everything(), files=spoilt)
    drawn = plan(replace(want, id=replace(want.id, kind=kind)), facts, TEXTS)
    assert drawn.next == f"distributions: The archive is broken. So is the other. {words}"


def test_targets_behind_one_that_is_not_done_are_pending() -> None:
    facts = replace(good_facts(), changes=Seen(changes()), files=SPOILT)
    states = [(target.name, target.state) for target in plan(wanted(), facts, TEXTS).targets]
    assert states == [
        ("distributions", TargetState.FAILED),
        ("index:registry", TargetState.PENDING),
        ("index:public", TargetState.PENDING),
        ("gitlab_release", TargetState.PENDING),
    ]


@pytest.mark.parametrize(
    ("facts", "state", "missing"),
    [
        (everything(), ReleaseState.PUBLISHED, None),
        (replace(everything(), indexes=good_facts().indexes), ReleaseState.PLANNED, "index:registry index:public"),
        (replace(everything(), release=Seen(None), receipts=SENT), ReleaseState.PARTIAL, "gitlab_release"),
    ],
)  # fmt: skip
def test_verifying_says_what_is_not_in_place_and_does_nothing(
    facts: Facts, state: ReleaseState, missing: str | None
) -> None:
    drawn = prove(wanted(), facts, TEXTS)
    assert drawn.state is state
    if missing is not None:
        assert drawn.next is not None
        assert all(f"{name} (" in drawn.next for name in missing.split())


def test_verifying_finds_other_bytes() -> None:
    spoilt = {**everything().indexes, "public": Seen(index(PUBLIC, listed(WHEEL, OTHER_BYTES)))}
    assert prove(wanted(), replace(everything(), indexes=spoilt), TEXTS).state is ReleaseState.CONFLICT
