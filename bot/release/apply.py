"""Perform one action: claim, act, note the outcome. Whether the effect is there only the next look says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never

from bot.domain.distributions import Distribution
from bot.domain.errors import PutOffError, RefusedError, TransientError
from bot.domain.gitlab import Note
from bot.domain.releases import Attempt, AttemptOutcome
from bot.ports.gitlab import Issues, Milestones, Notes, PipelineControl, Releases
from bot.ports.index import Index, Installer, Sent
from bot.ports.store import Ledger
from bot.release.actions import (
    Action,
    AttachMilestones,
    ChangeIssue,
    CreateRelease,
    DescribeRelease,
    DropNote,
    EditNote,
    InstallCheck,
    LinkRelease,
    NotePlace,
    OpenIssue,
    PlayJob,
    PostNote,
    StartPipeline,
    Upload,
)
from bot.release.facts import Facts, Seen, Wanted
from bot.release.identity import released_files


@dataclass(frozen=True, slots=True, kw_only=True)
class Hands:
    """All that acting needs."""

    index: Index
    installer: Installer
    pipelines: PipelineControl
    releases: Releases
    milestones: Milestones
    notes: Notes
    issues: Issues
    issue_notes: Notes
    ledger: Ledger
    clock: Callable[[], datetime]

    def notes_at(self, place: NotePlace) -> Notes:
        """What writes notes there."""
        return self.issue_notes if place.issue else self.notes


def apply(hands: Hands, wanted: Wanted, facts: Facts, action: Action) -> Facts:
    """Do one thing. Returns the facts with the try noted and what the action made stale forgotten.

    Never raises for an outcome of the action itself: a refusal or a lost reply is one, and the next look decides.
    """
    key = wanted.id.key
    before, claim = claimed(facts, action, hands.clock())
    hands.ledger.attempt(key, claim)
    sent, note = _perform(hands, wanted, facts, action)
    now = hands.clock()
    done = ended(claim, sent, now)
    hands.ledger.attempt(key, done)
    facts = replace(facts, now=now, attempts=(*before, done))
    if sent.outcome is AttemptOutcome.PUT_OFF and not action.public:
        return facts  # nothing was sent, so all still stands as it was seen
    return _stale(facts, action, note)


def claimed(facts: Facts, action: Action, now: datetime) -> tuple[tuple[Attempt, ...], Attempt]:
    """The tries so far without the one that this is, and this one as it begins."""
    waiting = next((a for a in facts.tries(action.target, action.item) if a.outcome is AttemptOutcome.PUT_OFF), None)
    before = tuple(attempt for attempt in facts.attempts if attempt is not waiting)
    claim = Attempt(
        target=action.target,
        item=action.item,
        number=waiting.number if waiting else len(before) + 1,  # what was put off is this very try
        outcome=AttemptOutcome.CLAIMED,
        at=now,
        words=action.words,
    )
    return before, claim


def ended(claim: Attempt, sent: Sent, now: datetime) -> Attempt:
    """A try with its outcome."""
    retry_at = now + timedelta(seconds=sent.retry_after) if sent.retry_after is not None else None
    return replace(claim, outcome=sent.outcome, at=now, reason=sent.reason, again=sent.again, retry_at=retry_at)


def _perform(hands: Hands, wanted: Wanted, facts: Facts, action: Action) -> tuple[Sent, Note | None]:
    """The outcome, and the note as GitLab says that it stands there now."""
    note: Note | None = None
    project = wanted.id.project_id
    try:
        match action:
            case Upload():
                return upload(hands.index, facts, action), None
            case InstallCheck():
                return _install(hands, wanted, facts, action), None
            case StartPipeline():
                started = hands.pipelines.start(project, action.ref, action.inputs)
                if started.sha != wanted.id.sha:  # GitLab takes a ref and no commit
                    what = f"pipeline {started.id} was started for {started.sha[:8]}: {action.ref} moved at that moment"
                    return Sent(outcome=AttemptOutcome.REFUSED, reason=what, again=False), None
            case PlayJob():
                hands.pipelines.play(project, action.job_id)
            case CreateRelease():
                hands.releases.create(
                    project, tag=action.tag, name=action.name, description=action.description, links=action.links
                )
            case DescribeRelease():
                hands.releases.describe(project, action.tag, action.description)
            case LinkRelease():
                hands.releases.link(project, action.tag, action.link)
            case AttachMilestones():
                hands.milestones.attach(project, action.tag, action.titles)
            case PostNote():
                note = hands.notes_at(action.place).create(project, action.place.iid, action.body)
            case EditNote():
                hands.notes_at(action.place).update(project, action.place.iid, action.note_id, action.body)
            case DropNote():
                hands.notes_at(action.place).delete(project, action.place.iid, action.note_id)
            case OpenIssue():
                hands.issues.create(project, title=action.title, description=action.description, labels=action.labels)
            case ChangeIssue():
                hands.issues.update(project, action.iid, description=action.description, opened=action.opened)
            case _:
                assert_never(action)
    except TransientError as error:
        seconds = error.retry_after.total_seconds() if error.retry_after else None
        outcome = AttemptOutcome.PUT_OFF if isinstance(error, PutOffError) else AttemptOutcome.UNCLEAR
        return Sent(outcome=outcome, reason=str(error), again=True, retry_after=seconds), None
    except RefusedError as error:
        return Sent(outcome=AttemptOutcome.REFUSED, reason=str(error), again=False), None
    return Sent(outcome=AttemptOutcome.ACCEPTED), note


def upload(index: Index, facts: Facts, action: Upload) -> Sent:
    """Send one of the files at hand."""
    seen = facts.indexes[action.index]
    assert isinstance(seen, Seen), "an upload is planned only after a look at its index"
    return index.send(seen.value.place, _file(facts, action.filename))


def _install(hands: Hands, wanted: Wanted, facts: Facts, action: InstallCheck) -> Sent:
    seen = facts.indexes[action.index]
    assert isinstance(seen, Seen), "an install check is planned only after a look at its index"
    file = next(file for file in released_files(wanted, facts) if file.filename == action.filename)
    listed = seen.value.lists(file)
    assert listed is not None, "an install check is planned only for what is proven to stand there"
    return hands.installer.install(seen.value.place, listed, action.name, action.version)


def _file(facts: Facts, filename: str) -> Distribution:
    assert facts.files is not None, "an upload is planned only for files at hand"
    return next(file for file in facts.files.value.files if file.filename == filename)


def _stale(facts: Facts, action: Action, note: Note | None) -> Facts:
    """Forget what the action changed. An index is looked at anew once all its files were sent (see targets.index).

    A note that GitLab hands back as it stands needs no second look: nothing public hangs on it.
    """
    facts = replace(facts, ref_fresh=False) if action.public else facts
    if isinstance(action, StartPipeline | PlayJob):
        # Whatever the answer was: whether there is a pipeline, and how its jobs stand, only the next look says.
        return replace(facts, pipeline=None, files=None, names=None, indexes={})
    if isinstance(action, CreateRelease | DescribeRelease | LinkRelease | AttachMilestones):
        return replace(facts, release=None)
    if isinstance(action, OpenIssue | ChangeIssue):
        return replace(facts, issues=None)
    if isinstance(action, PostNote | EditNote | DropNote):
        return _notes_stale(facts, action, note)
    return facts


def _notes_stale(facts: Facts, action: PostNote | EditNote | DropNote, note: Note | None) -> Facts:
    known = facts.issue_notes if action.place.issue else facts.notes
    iid = action.place.iid
    seen = known.get(iid)
    if isinstance(action, PostNote) and note is not None and isinstance(seen, Seen):
        after = {**known, iid: Seen((*seen.value, note))}
    else:
        after = {number: one for number, one in known.items() if number != iid}
    return replace(facts, issue_notes=after) if action.place.issue else replace(facts, notes=after)
