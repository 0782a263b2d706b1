"""The reconciling poll: ask which projects were active, and look at each; and look at whatever else asks for it.

Every time in here that is compared with GitLab's is GitLab's (the `Date` of its answers), never ours.
`last_activity_at` moves at most once an hour, so the question reaches an hour behind the last poll.

Source: GitLab, app/models/event.rb (RESET_PROJECT_ACTIVITY_INTERVAL).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice

from bot.domain.errors import RefusedError, TransientError
from bot.ports.gitlab import Account, Projects
from bot.ports.store import Due, Enrolment, Intake, Spread, Urgency
from bot.watch.enrol import BATCH, UNAUTHORIZED, Enrolled, Enroller
from bot.watch.look import Decided, Looker
from bot.watch.scope import Scope

ACTIVITY_STEP = timedelta(hours=1)
SLACK = timedelta(minutes=5)
# Projects whose hooks reach us share so many looks a minute, as long as each gets one an hour: a thousand of them would
# else cost two thousand questions a minute, all of which the hooks have answered.
LOOKS_A_MINUTE = 15
# Whoever polls again after so long was not there either when hooks came.
ABSENCE = timedelta(minutes=15)
# One project that cannot be read now (a broken repository answers 500) must not hide those after it; more than a few
# in a row mean that GitLab is unwell, and asking on would not help it.
MOST_PUT_OFF = 3
FIRST_RETRY = timedelta(seconds=15)
LONGEST_RETRY = timedelta(hours=1)
# A project that moved into scope, or a membership that was given, makes no activity: only listing finds it.
ENROL_EVERY = timedelta(hours=1)
CURSOR, ENROLLED, FIRST_START = "poll", "enrolled", "first start"
# Older than any project: `since: all`.
ALL = datetime(1970, 1, 1, tzinfo=UTC)

# What a look at one project gave: its changes, None if it is not ours any more, or why it could not be looked at.
Seen = tuple[Decided, ...] | RefusedError | TransientError | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """What one tick found. `active` projects had news; `looked` were compared; `skipped` refused, with the reason.

    `enrolled` is set if the scope was listed anew; `stopped` says why looking ended before all was done.
    """

    active: int = 0
    looked: int = 0
    changes: tuple[Decided, ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()
    left: tuple[str, ...] = ()
    enrolled: Enrolled | None = None
    stopped: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watcher:
    """All that polling needs.

    `configured` is the configured moment of `watch.since`, or None for the moment of the first start. Looks are made
    `abreast` at a time, by `together`, which gives their results in order. `listening` is since when hooks are taken
    in by our own clock; None if they are not.
    """

    account: Account
    projects: Projects
    intake: Intake
    enrolment: Enrolment
    enroller: Enroller
    looker: Looker
    scope: Scope
    configured: datetime | None
    clock: Callable[[], datetime]
    listening: datetime | None = None
    abreast: int = 1
    together: Callable[[Callable[[Due], Seen], Sequence[Due]], Iterable[Seen]] = map

    def tick(self, limit: int) -> Tick:
        """Enrol if that is due, poll, and look at up to `limit` projects. Raises: TransientError, RefusedError."""
        enrolled = self.enrol() if self.enrol_due() else None
        active = self.poll()
        seen = self.look(limit)
        return Tick(
            active=active,
            looked=seen.looked,
            changes=seen.changes,
            skipped=seen.skipped,
            left=(*(enrolled.left if enrolled else ()), *seen.left),
            enrolled=enrolled,
            stopped=seen.stopped,
        )

    def begin(self) -> None:
        """On the very first start, fix the moment from which refs count: all that a first poll has to do.

        Raises: TransientError, RefusedError if GitLab's clock is not known yet and cannot be asked for.
        """
        if self.intake.cursor(CURSOR) is None:
            self.poll()

    def enrol_due(self) -> bool:
        """Whether everything in scope is to be listed anew."""
        last = self.intake.cursor(ENROLLED)
        return last is None or self.account.now() - last >= ENROL_EVERY

    def enrol(self) -> Enrolled:
        """List everything in scope. Raises: TransientError, RefusedError (see Enroller)."""
        self._since()
        found = self.enroller.enrol()
        self.intake.cursor(ENROLLED, self.account.now())
        return found

    def poll(self) -> int:
        """Ask which projects were active since the last poll, and ask for a look at each; returns how many.

        The cursor moves after all of them were stored, so a poll that fails is simply repeated. The first poll has
        nothing to ask: what is there already is found by enrolling. Raises: TransientError, RefusedError.
        """
        self._since()
        began = self.account.now()
        cursor = self.intake.cursor(CURSOR)
        count = 0
        if cursor is not None:
            moment = cursor - ACTIVITY_STEP - SLACK
            listed = self.projects.active_since(moment, membership=self.enroller.membership)
            found = filter(self.scope.covers, listed)
            spread = self._spread(began - cursor)
            while batch := tuple(islice(found, BATCH)):
                self.enrolment.enrolled(batch, self.clock(), Urgency.ACTIVE, spread)
                count += len(batch)
        # GitLab's clock may have been set back meanwhile: then its newest answer is earlier than the beginning.
        self.intake.cursor(CURSOR, min(began, self.account.now()))
        return count

    def look(self, limit: int, stop: Callable[[], bool] = lambda: False) -> Tick:
        """Look at up to `limit` projects that ask for it, the most urgent first. Raises: CredentialsError for a 401.

        A project that cannot be looked at now is put off and tried again; when GitLab asks to be left alone, or
        several in a row fail, the rest is left for the next time: all but those looked at that very moment.
        """
        looked = failed = 0
        changes: list[Decided] = []
        skipped: list[tuple[str, str]] = []
        left: list[str] = []
        why = ""
        while looked < limit and not why and not stop():
            some = self.enrolment.due(self.clock(), min(self.abreast, limit - looked))
            if not some:
                break
            looked += len(some)
            for one, seen in zip(some, self.together(self._try, some), strict=True):
                if isinstance(seen, TransientError):
                    failed += 1
                    if seen.retry_after is not None or failed > MOST_PUT_OFF:
                        why = str(seen)
                    continue
                if isinstance(seen, RefusedError):
                    skipped.append((one.project.full_path, str(seen)))
                    continue
                failed = 0
                if seen is None:
                    left += self.enrolment.left(self.clock(), ids=[one.project.id])
                else:
                    changes += seen
        return Tick(looked=looked, changes=tuple(changes), skipped=tuple(skipped), left=tuple(left), stopped=why)

    def _spread(self, since_last: timedelta) -> Spread | None:
        """Which looks may wait, and for how long; None: none of them.

        Only a hook of the hour before says that the others of that hour would have come, and only if we were there to
        take them in: what was compared last before that is looked at now. The last look is always asked for after the
        hour in which nothing moves `last_activity_at`, however late it is made: nothing is missed, it is found later.
        """
        if self.listening is None or since_last > ABSENCE:
            return None
        since = self.clock() - ACTIVITY_STEP
        heard = self.enrolment.heard_of(since)
        if heard <= LOOKS_A_MINUTE:
            return None
        apart = min(timedelta(minutes=heard / LOOKS_A_MINUTE), ACTIVITY_STEP)
        return Spread(heard_since=since, compared_since=self.listening, apart=apart)

    def _try(self, due: Due) -> Seen:
        """Look at one; one that cannot be looked at now is put off. Raises: CredentialsError for a 401."""
        try:
            return self._look(due)
        except RefusedError as error:
            if error.status == UNAUTHORIZED:
                raise  # the token, not the project: it must not seem to have been looked at
            self.enrolment.put_off(due.project.id, None)
            return error
        except TransientError as error:
            delay = min(FIRST_RETRY * 2 ** min(due.tries, 20), LONGEST_RETRY)
            self.enrolment.put_off(due.project.id, self.clock() + max(delay, error.retry_after or timedelta()))
            return error

    def _look(self, due: Due) -> tuple[Decided, ...] | None:
        """None if the project is not ours to watch any more."""
        project = due.project
        if due.hinted:
            fresh = self.projects.project(project.id)
            if fresh is None or not self.scope.covers(fresh):
                return None
            self.enrolment.enrolled([fresh], self.clock())
            project = fresh
        return self.looker.look(project, self._since())

    def _since(self) -> datetime | None:
        """The moment that decides about refs without a baseline; None: all of them are new."""
        moment = self.configured or self.intake.cursor(FIRST_START)
        if moment is None:
            # Whole seconds, as a tagger's date has them: what was pushed within this one counts as younger.
            now = self.account.now().replace(microsecond=0)
            moment = self.intake.cursor(FIRST_START, now, keep=True)
        return None if moment == ALL else moment
