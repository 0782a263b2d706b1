"""The reconciling poll: ask which projects were active, compare their tags with those known.

Every time in here is GitLab's (the `Date` of its answers), never ours. `last_activity_at` moves at most once an hour,
so the question reaches an hour behind the last poll.

Source: GitLab, app/models/event.rb (RESET_PROJECT_ACTIVITY_INTERVAL).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.domain.errors import RefusedError, TransientError
from bot.domain.policy import Policy
from bot.domain.refs import Project, RefAction, RefChange
from bot.ports.gitlab import Account, Projects, Refs
from bot.ports.store import Intake, Waker
from bot.watch.compare import compare, releases_of
from bot.watch.scope import Scope

ACTIVITY_STEP = timedelta(hours=1)
SLACK = timedelta(minutes=5)
UNAUTHORIZED = 401
# One project that cannot be read now (a broken repository answers 500) must not hide those after it; more than a few
# mean that GitLab is unwell, and asking on would not help it.
MOST_PUT_OFF = 3
CURSOR = "poll"
FIRST_START = "first start"
# Older than any project: `since: all`.
ALL = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """What one poll found. `skipped` are projects that refused, with the reason."""

    projects: int
    changes: tuple[RefChange, ...]
    releases: int
    skipped: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Watcher:
    """All that polling needs.

    `since` is the configured moment, or None for the moment of the first start; `membership` is False for an admin's
    token, which sees projects that its user is no member of.
    """

    account: Account
    projects: Projects
    refs: Refs
    intake: Intake
    waker: Waker
    scope: Scope
    policy: Policy
    since: datetime | None
    membership: bool
    clock: Callable[[], datetime]

    def poll(self) -> Tick:
        """One poll. The cursor moves only after everything was taken in, so a poll that fails is simply repeated.

        Raises: TransientError, RefusedError when the projects cannot be listed; TransientError also when a project
        could not be compared, after all the others were.
        """
        began = self.account.now()
        since = self.since or self._first_start(began)
        cursor = self.intake.cursor(CURSOR)
        found = self._all() if cursor is None else self._active(cursor)
        count = new = 0
        changes: list[RefChange] = []
        skipped: list[tuple[str, str]] = []
        put_off: list[TransientError] = []
        for project in found:
            count += 1
            try:
                taken, started = self._compare(project, since)
            except RefusedError as error:
                if error.status == UNAUTHORIZED:
                    raise  # the token, not the project: the cursor must not move past what nobody could read
                skipped.append((project.full_path, str(error)))
                continue
            except TransientError as error:
                put_off.append(error)
                if error.retry_after is not None or len(put_off) > MOST_PUT_OFF:
                    raise
                continue
            changes += taken
            new += started
        if put_off:
            raise put_off[0]
        # GitLab's clock may have been set back meanwhile: then its newest answer is earlier than the beginning.
        self.intake.cursor(CURSOR, min(began, self.account.now()))
        return Tick(projects=count, changes=tuple(changes), releases=new, skipped=tuple(skipped))

    def _first_start(self, now: datetime) -> datetime:
        return self.intake.cursor(FIRST_START) or self.intake.cursor(FIRST_START, now) or now

    def _compare(self, project: Project, since: datetime) -> tuple[tuple[RefChange, ...], int]:
        tags = self.refs.tags(project.id)
        known = self.intake.known_tags(project.id)
        changes = compare(project, known, tags, since=None if since == ALL else since)
        now = self.clock()
        releases = releases_of(changes, self.policy, now)
        self.intake.compared(project, {tag.name: tag.sha for tag in tags}, changes, releases, now)
        for change in changes:
            if change.action is not RefAction.CREATED:
                # A release of the tag as it was has nothing to wait for any more.
                self.waker.wake_ref(project.id, change.ref, now)
        return changes, len(releases)

    def _active(self, cursor: datetime) -> Iterator[Project]:
        moment = cursor - ACTIVITY_STEP - SLACK
        return filter(self.scope.covers, self.projects.active_since(moment, membership=self.membership))

    def _all(self) -> Iterator[Project]:
        """Every project in scope, each once: first by group (which needs no membership), then by membership."""
        seen: set[int] = set()
        for project in self._listed():
            if project.id not in seen and self.scope.covers(project):
                seen.add(project.id)
                yield project

    def _listed(self) -> Iterator[Project]:
        named = [group for group in self.scope.groups if group != "**"]
        for group in named:
            yield from self.projects.of_group(group)
        for path in self.scope.projects:
            if "*" not in path:
                project = self.projects.project(path)
                if project is not None:
                    yield project
        patterns = any("*" in path for path in self.scope.projects)
        if "**" in self.scope.groups or self.scope.topics or patterns:
            yield from self.projects.active_since(None, membership=self.membership)
