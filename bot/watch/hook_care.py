"""Look after all hooks, place by place.

The poll finds everything that hooks lose, so nothing in here may cost a release: what one place refuses is told and the
others are looked after, and when GitLab asks to wait, the next round goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from bot.domain.errors import RefusedError, TransientError
from bot.domain.hooks import HookPlace, HookRecord
from bot.domain.refs import Project
from bot.ports.gitlab import Account, Projects
from bot.watch.hook_health import RESEND_WITHIN, HookVerdict
from bot.watch.hook_mending import Errand, HookHands, HookRow, Order, tend_place
from bot.watch.hook_places import group_place, lies_below, named_groups, other_projects, project_place
from bot.watch.scope import Scope

UNAUTHORIZED, TOO_MANY = 401, 429
MOST_PUT_OFF = 3  # places in a row that GitLab could not answer for; more mean that it is unwell
MOST_FAILED_TESTS = 3  # all hooks lead to one address: when so many tests were not taken, the others need no try
NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class HookReport:
    """What one round found.

    `stopped` says why it ended early, `left_out` how many projects it had no time for, `more` whether another round in
    a minute would have more deliveries sent again.
    """

    rows: tuple[HookRow, ...]
    stopped: str = ""
    left_out: int = 0
    more: bool = False

    @property
    def ready(self) -> bool:
        """Whether every hook is as it should be."""
        return not self.stopped and all(row.verdict is HookVerdict.OK for row in self.rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class HookCare:
    """All that looking after hooks needs; `membership` as in bot.watch.poll, `user_id` is who we are."""

    hands: HookHands
    projects: Projects
    account: Account
    scope: Scope
    membership: bool
    user_id: int

    def tend(
        self,
        errand: Errand,
        *,
        dry_run: bool = False,
        most: int | None = None,
        stop: Callable[[], bool] = lambda: False,
    ) -> HookReport:
        """One round over all places, until `stop`; with `most`, over so many projects, those first that waited longest.

        Raises: CredentialsError (401); TransientError if GitLab could not answer for a single place.
        """
        order = Order(
            errand=errand,
            dry_run=dry_run or errand is Errand.CHECK,
            may_test=True,
            since=self.account.now() - RESEND_WITHIN,
            user_id=self.user_id,
        )
        return _Round(care=self, order=order, known=self.hands.records.records(), stop=stop).run(most)


class _StopError(Exception):
    """The round ends here; the argument says why."""


@dataclass(slots=True, kw_only=True)
class _Round:
    care: HookCare
    order: Order
    known: Mapping[str, HookRecord]
    stop: Callable[[], bool]
    rows: list[HookRow] = field(default_factory=list)
    put_off: list[TransientError] = field(default_factory=list)
    in_a_row: int = 0
    failed_tests: int = 0
    left_out: int = 0
    more: bool = False

    def run(self, most: int | None) -> HookReport:
        stopped = ""
        try:
            covered, loose = self._groups()
            for place in self._projects(covered, loose, most):
                self._tend(place)
        except _StopError as stop:
            stopped = str(stop)
        if self.put_off and all(row.verdict is HookVerdict.CANNOT_LOOK for row in self.rows):
            raise self.put_off[0]
        return HookReport(rows=tuple(self.rows), stopped=stopped, left_out=self.left_out, more=self.more)

    def _groups(self) -> tuple[list[str], list[str]]:
        """Tend the groups; returns those that a hook covers, and those whose projects need hooks of their own."""
        covered: list[str] = []
        loose: list[str] = []
        for group in named_groups(self.care.scope):
            if not lies_below(group, covered):
                (covered if self._tend(group_place(group)) else loose).append(group)
        return covered, loose

    def _projects(self, covered: list[str], loose: list[str], most: int | None) -> list[HookPlace]:
        """Places of the projects that no group's hook covers, those first that were not looked at for longest."""
        care, found = self.care, dict[int, Project]()
        for group in loose:
            found |= self._listed(group_place(group), care.projects.of_group(group))
        found |= self._listed(group_place("**"), other_projects(care.projects, care.scope, membership=care.membership))
        places = [
            project_place(project)
            for project in found.values()
            if care.scope.covers(project) and not lies_below(project.full_path, covered)
        ]
        places.sort(key=lambda place: (self._looked_at(place), int(place.key)))
        self.left_out = 0 if most is None else max(0, len(places) - most)
        return places[:most]

    def _listed(self, of: HookPlace, projects: Iterable[Project]) -> dict[int, Project]:
        """By id; a group whose projects cannot be listed is told in a row of its own."""
        try:
            return {project.id: project for project in projects}
        except RefusedError as error:
            if error.status == UNAUTHORIZED:
                raise
            remedy = "Make the bot's user a member, or correct `watch`"
            self.rows.append(HookRow(place=of, verdict=HookVerdict.CANNOT_LOOK, reason=str(error), remedy=remedy))
        except TransientError as error:
            self.rows.append(HookRow(place=of, verdict=HookVerdict.CANNOT_LOOK, reason=str(error)))
            self._put_off(error)
        return {}

    def _tend(self, place: HookPlace) -> bool:
        """One place; False if it is a group that has no hooks for us."""
        if self.stop():
            raise _StopError("the daemon was told to stop")
        may_test = self.failed_tests < MOST_FAILED_TESTS
        order = replace(self.order, may_test=may_test)
        tended = tend_place(self.care.hands, place, self.known.get(place.name), order)
        if tended is None:
            return False
        self.rows.append(tended.row)
        self.more = self.more or tended.more
        self.failed_tests += tended.failed_test
        if tended.put_off is None:
            self.in_a_row = 0
        else:
            self._put_off(tended.put_off)
        return True

    def _put_off(self, error: TransientError) -> None:
        self.put_off.append(error)
        self.in_a_row += 1
        if error.status == TOO_MANY or self.in_a_row > MOST_PUT_OFF:
            raise _StopError(str(error))

    def _looked_at(self, place: HookPlace) -> datetime:
        record = self.known.get(place.name)
        return NEVER if record is None else record.looked_at
