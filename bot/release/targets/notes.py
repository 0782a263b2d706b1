"""One sticky note per shipped merge request. Reporting never changes the publishing verdict."""

from __future__ import annotations

from bot.domain.gitlab import MergeRequest
from bot.domain.releases import TargetState, TargetStatus
from bot.domain.report import ReleaseReport
from bot.ports.texts import Texts
from bot.release.actions import Action, DropNote, EditNote, PostNote
from bot.release.facts import Facts, Look, LookKind, Unreadable, Wanted
from bot.release.retry import GiveUp, Later, next_try
from bot.release.targets import Assessment


def assess(
    wanted: Wanted, facts: Facts, texts: Texts, report: ReleaseReport, merge_request: MergeRequest
) -> Assessment | Look:
    """Post our note, edit it where its text changed, remove a second one."""
    iid = merge_request.iid
    name = f"note:!{iid}"
    seen = facts.notes.get(iid)
    if seen is None:
        return Look(LookKind.NOTES, iid=iid)
    if isinstance(seen, Unreadable):
        return Assessment(status=TargetStatus(name=name, state=TargetState.FAILED, reason=seen.reason))
    attempts = sum(attempt.target == name for attempt in facts.attempts)
    ours = texts.own(seen.value, report, merge_request)
    body = texts.note(report, merge_request)
    actions: list[Action] = [DropNote(iid=iid, note_id=surplus.id) for surplus in reversed(ours[1:])]
    if not ours:
        actions.append(PostNote(iid=iid, body=body))
    elif _plain(ours[0].body) != _plain(body):
        actions.append(EditNote(iid=iid, note_id=ours[0].id, body=body))
    if not actions:
        return Assessment(status=TargetStatus(name=name, state=TargetState.DONE, attempts=attempts))
    action = actions[0]
    step = next_try(facts.tries(name, action.item), asked=wanted.asked, now=facts.now)
    if isinstance(step, GiveUp):
        status = TargetStatus(name=name, state=TargetState.FAILED, reason=step.reason, attempts=attempts)
        return Assessment(status=status)
    if isinstance(step, Later):
        status = TargetStatus(name=name, state=TargetState.PENDING, reason=step.reason, attempts=attempts)
        return Assessment(status=status, again=step.delay)
    status = TargetStatus(name=name, state=TargetState.PENDING, reason=f"to do: {action.words}", attempts=attempts)
    return Assessment(status=status, actions=tuple(actions))


def _plain(text: str) -> str:
    """A note as GitLab may hand it back: line ends normalised, outer blanks gone."""
    return text.replace("\r\n", "\n").strip()
