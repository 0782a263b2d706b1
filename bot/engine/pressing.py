"""What people press on the dashboard: the same, by the same functions, as on the command line and in notes.

A press is weighed first, which may ask GitLab; what it then does and its entry in the ledger are one transaction.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.commands import CommandPolicy, Outcome, Verb
from bot.domain.consents import Approver, Hold, one_line
from bot.domain.errors import CredentialsError, RefusedError
from bot.domain.releases import Release, ReleaseState
from bot.engine.consents import Desk, Refused, needless, spoken
from bot.engine.wanting import Wanting
from bot.ports.store import Journal
from bot.release.approving import asked, refusal, role_word
from bot.settings.values import parse_duration

LEAST_WORDS = "for how long? Write it as 90m, 12h or 2d"


@dataclass(frozen=True, slots=True, kw_only=True)
class Presser:
    """Who presses, as GitLab knows them; `level` is their access level in the project at this moment."""

    user_id: int
    username: str
    level: int | None

    @property
    def told(self) -> str:
        """How the ledger names them."""
        return f"{self.username} (user {self.user_id})"


@dataclass(frozen=True, slots=True)
class Pressed:
    """What came of it, in one plain sentence."""

    outcome: Outcome
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Presses:
    """All that acting takes. `together` makes all that is written within it one transaction."""

    desk: Desk
    wanting: Wanting
    policy: CommandPolicy
    journal: Journal
    together: Callable[[], AbstractContextManager[None]]
    clock: Callable[[], datetime]

    def allowed(self, verb: Verb, level: int | None) -> bool:
        """Whether the role is one that may."""
        return level is not None and level >= self.policy.roles[verb]

    def approvers(self, release: Release, presser: Presser) -> str:
        """Whom policy asks to approve a release, in words, where it is not the presser; empty where it may be.

        By role and name alone: whoever made what is released is found out when they press. Raises: TransientError.
        """
        try:
            rule = self.wanting.wanted(release).rule.approval
        except RefusedError:
            return ""  # a press says what is wrong
        if rule is None:
            return ""
        them = Approver(user_id=presser.user_id, username=presser.username, level=presser.level)
        return "" if refusal(rule, them, ()) is None else asked(rule)

    def approve(self, release: Release, presser: Presser, sha: str, approver: Approver | None) -> Pressed:
        """Say yes to the commit that the page showed. `approver` is the presser with all their addresses.

        Raises: TransientError, CredentialsError.
        """
        if approver is None or not self.allowed(Verb.APPROVE, presser.level):
            return self._by_role(Verb.APPROVE, release, presser)
        try:
            return self._approve(release, presser, sha, approver)
        except CredentialsError:
            raise
        except RefusedError as error:
            return self._done(Verb.APPROVE, release, presser, Pressed(Outcome.REFUSED, str(error)))

    def _approve(self, release: Release, presser: Presser, sha: str, approver: Approver) -> Pressed:
        ref, at = release.id.ref, release.id.sha[:12]
        if release.state is ReleaseState.WITHDRAWN:
            return self._done(Verb.APPROVE, release, presser, _gone(release))
        if sha != release.id.sha:
            words = f"{ref} is at {at} and the page showed another commit: look at it anew"
            return self._done(Verb.APPROVE, release, presser, Pressed(Outcome.REFUSED, words))
        wanted = self.wanting.wanted(release)
        why = needless(wanted, release)
        if why is not None:
            words = f"{ref} needs no approval: {why}"
            return self._done(Verb.APPROVE, release, presser, Pressed(Outcome.REFUSED, words))
        weighed = self.desk.weigh(wanted, approver)
        if isinstance(weighed, Refused):
            return self._done(Verb.APPROVE, release, presser, Pressed(Outcome.REFUSED, weighed.why))

        def record() -> None:
            self.desk.record(release, weighed)

        done = Pressed(Outcome.DONE, f"{presser.username} approves {ref} at {at}")
        return self._done(Verb.APPROVE, release, presser, done, effect=record)

    def hold(self, release: Release, presser: Presser, span: str, reason: str) -> Pressed:
        """Hold the release's ref back for a time."""
        if not self.allowed(Verb.HOLD, presser.level):
            return self._by_role(Verb.HOLD, release, presser)
        lasts = _span(span)
        if lasts is None or not timedelta() < lasts <= self.policy.longest_hold:
            most = f" (at most {self.policy.longest_hold.days} days)" if lasts else ""
            return self._done(Verb.HOLD, release, presser, Pressed(Outcome.REFUSED, f"{LEAST_WORDS}{most}"))
        now = self.clock()
        hold = Hold(by=presser.username, since=now, until=now + lasts, reason=one_line(reason))
        return self._done(Verb.HOLD, release, presser, None, effect=lambda: self._held(release, hold))

    def retry(self, release: Release, presser: Presser) -> Pressed:
        """Run it again from where it stands: only what is missing is done."""
        if not self.allowed(Verb.RETRY, presser.level):
            return self._by_role(Verb.RETRY, release, presser)
        if release.state is ReleaseState.WITHDRAWN:
            return self._done(Verb.RETRY, release, presser, _gone(release))
        try:
            self.wanting.rule(release.project, release.id.kind, release.id.ref)
        except RefusedError as error:
            return self._done(Verb.RETRY, release, presser, Pressed(Outcome.REFUSED, str(error)))
        done = Pressed(Outcome.DONE, f"{release.id.ref} goes on; it was {release.state.value}")
        return self._done(Verb.RETRY, release, presser, done, effect=lambda: self.desk.resume(release))

    def _held(self, release: Release, hold: Hold) -> Pressed | None:
        """A press never shortens what somebody else, or a longer word, holds."""
        id_ = release.id
        there = self.desk.longer(id_.project_id, id_.ref, hold)
        if there is not None:
            until = "" if there.until is None else f" until {there.until:%Y-%m-%d %H:%M} UTC"
            return Pressed(Outcome.REFUSED, f"{id_.ref} is held by {there.by} already{until}")
        self.desk.hold(id_.project_id, f"{release.project}@{id_.ref}", id_.ref, hold)
        why = f" ({hold.reason})" if hold.reason else ""
        return Pressed(Outcome.DONE, f"{id_.ref} is held until {hold.until:%Y-%m-%d %H:%M} UTC{why}")

    def _by_role(self, verb: Verb, release: Release, presser: Presser) -> Pressed:
        least = self.policy.roles[verb].word
        words = f"this takes a {least}, and {presser.username} is {role_word(presser.level)}"
        return self._done(verb, release, presser, Pressed(Outcome.REFUSED, words))

    def _done(
        self,
        verb: Verb,
        release: Release,
        presser: Presser,
        said: Pressed | None,
        *,
        effect: Callable[[], Pressed | None] = lambda: None,
    ) -> Pressed:
        """The effect and the ledger's entry: both, or neither. What the effect says counts before `said`."""
        with self.together():
            pressed = effect() or said
            assert pressed is not None, "one of the two says something"
            words = f"{verb.value} {release.id.ref} by {presser.told} on the dashboard: {pressed.words}"
            self.journal.commanded(spoken(self.clock(), verb.value, release.key, words, pressed.outcome))
        return pressed


def _gone(release: Release) -> Pressed:
    words = f"it was withdrawn: {release.id.ref} is gone, or at another commit than {release.id.sha[:12]}"
    return Pressed(Outcome.REFUSED, words)


def _span(text: str) -> timedelta | None:
    try:
        return parse_duration(text.strip())
    except (ValueError, OverflowError):
        return None
