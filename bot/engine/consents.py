"""What people say of a release while it is under way: hold it, let it go on, approve it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from bot.domain.commands import Outcome
from bot.domain.consents import Approval, Approver, Author, Hold
from bot.domain.ledger import EntryKind, Written
from bot.domain.releases import PUBLIC, Release, ReleaseState
from bot.domain.verdicts import Consequence, GateResult
from bot.ports.store import Queue, Register
from bot.release.approving import author_of_shipped, refusal
from bot.release.eyes import Eyes
from bot.release.facts import Facts, Look, LookKind, Seen, Unreadable, Wanted
from bot.release.gates import hold as gate
from bot.release.observe import observe

LEAST_SHA = 7  # hex digits, as git abbreviates them


@dataclass(frozen=True, slots=True)
class Refused:
    """Somebody's approval does not count; `why` is a sentence."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """All that hearing people takes; `robot` says the user id of the bot, asking GitLab.

    `attributed` finds, for a project and commit, the users behind authors who are known by address alone, where those
    who come cannot be asked for all their addresses.
    """

    eyes: Eyes
    queue: Queue
    register: Register
    robot: Callable[[], int]
    clock: Callable[[], datetime]
    attributed: Callable[[str, str, tuple[Author, ...]], tuple[Author, ...]] = lambda _path, _sha, authors: authors

    def weigh(self, wanted: Wanted, approver: Approver) -> Approval | Refused:
        """Somebody's yes as it may be recorded, or why it does not count. Writes nothing.

        Raises: TransientError, RefusedError if GitLab cannot tell who somebody is or who made what is released.
        """
        rule, consents = wanted.rule.approval, self.eyes.consents
        if rule is None:
            return Refused("policy asks for no approval of it")
        if approver.user_id == self.robot():
            return Refused(f"{approver.username} is the bot itself: use a token of your own in GITLAB_TOKEN")
        facts = observe(self.eyes, wanted, Facts(now=self.clock()), Look(LookKind.REF))
        if facts.ref is None or facts.ref.value is None or not facts.ref.value.holds:
            return Refused(f"{wanted.id.kind.value} {wanted.id.ref} is not at {wanted.id.sha[:8]} any more")
        place, id_ = wanted.project.full_path, wanted.id
        approver = replace(approver, level=consents.people.role(approver.user_id, place, group=False))
        authors = consents.people.authors(id_.project_id, ref=id_.ref, sha=id_.sha, tag=id_.kind.value == "tag")
        if rule.all_authors:
            changes = observe(self.eyes, wanted, facts, Look(LookKind.CHANGES)).changes
            if isinstance(changes, Unreadable):
                return Refused(f"cannot tell whose changes these are: {changes.reason}")
            authors += author_of_shipped(rule, changes.value if isinstance(changes, Seen) else None)
        why = refusal(rule, approver, self.attributed(place, id_.sha, authors))
        if why is not None or approver.level is None:
            return Refused(f"{approver.username} {why}")
        return Approval(
            user_id=approver.user_id, username=approver.username, level=approver.level, at=self.clock(), sha=id_.sha
        )

    def record(self, release: Release, approval: Approval) -> Approval:
        """Record what was weighed, and wake the release. Returns what is on record: one's first yes stays."""
        approvals = self.eyes.consents.approvals
        approvals.approve(release.key, approval)
        self.queue.wake(release.key, self.clock())
        return next(one for one in approvals.approvals(release.key) if one.user_id == approval.user_id)

    def resume(self, release: Release) -> None:
        """Run a release again from where it stands: only what is missing is done."""
        self.queue.wake(release.key, self.clock(), reopen=True)

    def hold(self, project_id: int, target: str, ref: str, hold: Hold) -> GateResult:
        """Hold a ref back. A release of it that is under way stops before its next write, whoever works on it.

        Returns what the gate says from now on. `target` is PROJECT@REF, for the reason.
        """
        self.eyes.consents.holds.put(project_id, ref, hold)
        now = self.clock()
        said = gate.stopping(hold, target, now)
        release = self.register.find(str(project_id), ref)
        if release is not None and release.state.open:
            receipts = self.eyes.ledger.receipts(release.key)
            public = any(receipt.kind in PUBLIC for receipt in receipts)
            stopped_in = ReleaseState.PARTIAL if public else ReleaseState.BLOCKED
            state = ReleaseState.WAITING if hold.until is not None else stopped_in
            # Due at once: the turn that comes tells the merge requests of a blocked release.
            stopped = replace(release, state=state, next=said.reason, gates=_with(release, said), due_at=now)
            self.register.stop(stopped, now)
        return said

    def longer(self, project_id: int, ref: str, hold: Hold) -> Hold | None:
        """The hold that is in force on a ref already, if it lasts as long as another would, or longer."""
        there = self.eyes.consents.holds.hold(project_id, ref)
        if there is None or not there.holds(hold.since):
            return None
        outlasted = there.until is None or (hold.until is not None and there.until >= hold.until)
        return there if outlasted else None

    def lift(self, project_id: int, ref: str) -> Hold | None:
        """Let a ref go on, and wake the release that was held; None if nobody held it."""
        lifted = self.eyes.consents.holds.lift(project_id, ref)
        release = self.register.find(str(project_id), ref)
        if lifted is not None and release is not None and _held(release):
            self.queue.wake(release.key, self.clock(), reopen=not release.state.open)
        return lifted


def needless(wanted: Wanted, release: Release) -> str | None:
    """Why nobody need approve a release; None if somebody does."""
    if wanted.rule.approval is None:
        return "policy asks for none"
    return "it is published" if release.state is ReleaseState.PUBLISHED else None


def names(sha: str, release: Release) -> bool:
    """Whether what somebody typed (at least seven hex digits) is the commit of a release."""
    return len(sha) >= LEAST_SHA and release.id.sha.startswith(sha.lower())


def spoken(
    at: datetime, verb: str, place: str, words: str, outcome: Outcome = Outcome.DONE, *, item: str = ""
) -> Written:
    """The ledger's entry about something that somebody decided, wherever they did: in a note (the `item`), on the
    dashboard, on the command line. `place` is a release's key, or how the keys of what it is about begin.
    """
    return Written(
        at=at, kind=EntryKind.COMMAND, place=place, words=words, outcome=outcome.value, target=verb, item=item
    )


def _with(release: Release, said: GateResult) -> tuple[GateResult, ...]:
    """The gates of a release with a newer word of one of them; the others hold nothing up any more."""
    calm = {one.name: replace(one, consequence=Consequence.NONE, look_again=None) for one in release.gates}
    return tuple((calm | {said.name: said}).values())


def _held(release: Release) -> bool:
    return any(one.name == gate.NAME and one.consequence is not Consequence.NONE for one in release.gates)
