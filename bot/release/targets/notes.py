"""One sticky note per shipped merge request, and per issue that one closed.

Reporting never changes the publishing verdict.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.domain.gitlab import Issue, MergeRequest, Note, handed_back
from bot.domain.releases import AttemptOutcome, Receipt, TargetState, TargetStatus
from bot.domain.report import ReleaseReport
from bot.ports.texts import Texts
from bot.release.actions import Action, DropNote, EditNote, NotePlace, PostNote
from bot.release.facts import Facts, Look, LookKind, Seen, Unreadable, Wanted
from bot.release.retry import GiveUp, Later, next_try
from bot.release.targets import Assessment


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One note as it is to stand: on what, and its text."""

    on: MergeRequest | Issue
    body: str

    @property
    def place(self) -> NotePlace:
        """Where it stands."""
        return NotePlace(iid=self.on.iid, issue=isinstance(self.on, Issue))


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of all notes of a release, read once: the last proof of each, and how often each was tried."""

    proofs: Mapping[str, Receipt]
    attempts: Mapping[str, int]


def known(facts: Facts) -> Known:
    """From the receipts and attempts so far."""
    proofs = {receipt.target: receipt for receipt in facts.receipts if receipt.kind == "note"}
    return Known(proofs=proofs, attempts=Counter(attempt.target for attempt in facts.attempts))


def assess(
    wanted: Wanted, facts: Facts, texts: Texts, report: ReleaseReport, told: Told, so_far: Known
) -> Assessment | Look:
    """Post our note, edit it where its text changed, remove a second one.

    What a look found in place since the release was last asked for is not looked at again. A change for the worse is
    told in a reply before the note says it, so that whoever must act hears of it and no stop makes two of it.
    """
    name = told.place.target
    if settled(wanted, so_far, told):
        return Assessment(status=_status(so_far, name, TargetState.DONE))
    seen = (facts.issue_notes if told.place.issue else facts.notes).get(told.place.iid)
    if seen is None:
        return Look(LookKind.ISSUE_NOTES if told.place.issue else LookKind.NOTES, iid=told.place.iid)
    if isinstance(seen, Unreadable):
        return Assessment(status=_status(so_far, name, TargetState.FAILED, seen.reason))
    actions = _missing(texts, report, told, seen.value)
    if not actions:
        proof = Receipt(target=name, kind="note", where=told.on.web_url, at=facts.now, sha256=_digest(told.body))
        return Assessment(status=_status(so_far, name, TargetState.DONE), receipt=proof)
    action = actions[0]
    tries = facts.tries(name, action.item)
    step = next_try(tries, asked=wanted.asked, now=facts.now)
    if isinstance(step, GiveUp):
        return Assessment(status=_status(so_far, name, TargetState.FAILED, step.reason))
    if isinstance(step, Later):
        held = bool(tries) and tries[-1].outcome is AttemptOutcome.PUT_OFF
        return Assessment(status=_status(so_far, name, TargetState.PENDING, step.reason), again=step.delay, held=held)
    return Assessment(status=_status(so_far, name, TargetState.PENDING, f"to do: {action.words}"), actions=actions)


def waiting(wanted: Wanted, so_far: Known, told: Told) -> TargetStatus:
    """How a note stands behind one that is to be written first: they are told in order."""
    if settled(wanted, so_far, told):
        return _status(so_far, told.place.target, TargetState.DONE)
    return _status(so_far, told.place.target, TargetState.PENDING, "waits for those before it")


def settled(wanted: Wanted, so_far: Known, told: Told) -> bool:
    """Whether the last look, since the release was asked for, found this very text in place."""
    proof = so_far.proofs.get(told.place.target)
    return proof is not None and proof.at >= wanted.asked and proof.sha256 == _digest(told.body)


def told_of(
    texts: Texts, report: ReleaseReport, closed: Mapping[int, Seen[tuple[Issue, ...]] | Unreadable]
) -> list[Told]:
    """All notes in order: merge requests, then the issues they closed, each once, by its first merge request."""
    merged = report.changes.merge_requests if report.changes else ()
    issues: dict[int, Told] = {}
    for merge_request in merged:
        seen = closed.get(merge_request.iid)
        for issue in seen.value if isinstance(seen, Seen) else ():
            body = texts.issue_note(report, issue, merge_request)
            issues.setdefault(issue.iid, Told(on=issue, body=body))
    return [*(Told(on=one, body=texts.note(report, one)) for one in merged), *issues.values()]


def _missing(texts: Texts, report: ReleaseReport, told: Told, notes: Sequence[Note]) -> tuple[Action, ...]:
    place = told.place
    ours = texts.own(notes, report, told.on)
    actions: list[Action] = [DropNote(place=place, note_id=surplus.id) for surplus in reversed(ours[1:])]
    if not ours:
        return (PostNote(place=place, body=told.body),)
    if handed_back(ours[0].body) != handed_back(told.body):
        reply = texts.reply(report, told.on, ours[0], notes) if isinstance(told.on, MergeRequest) else None
        if reply is not None:
            actions.append(PostNote(place=place, body=reply, item="reply"))
        actions.append(EditNote(place=place, note_id=ours[0].id, body=told.body))
    return tuple(actions)


def _status(so_far: Known, name: str, state: TargetState, reason: str = "") -> TargetStatus:
    return TargetStatus(name=name, state=state, reason=reason, attempts=so_far.attempts.get(name, 0))


def _digest(body: str) -> str:
    return hashlib.sha256(handed_back(body).encode()).hexdigest()
