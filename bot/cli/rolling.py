"""Rolling issues after an audit of everything watched: planned, or kept as the policy says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from bot.domain.errors import ConfigError, TransientError
from bot.domain.refs import matches_path
from bot.domain.rolling import IssueMode, IssueNews, NewsState, RollingIssue
from bot.hygiene.history import Noted
from bot.hygiene.issues import (
    IssueStep,
    asks_for_time,
    come_about,
    keep_issues,
    kept_places,
    news,
    place_reports,
    plan_issues,
)

if TYPE_CHECKING:
    from bot.app import App

ROUNDS = 3  # GitLab may be busy; what is left then is done after the next audit
BETWEEN = 60.0  # seconds between rounds where it asks for time, longer than its limits on notes and issues last
SOON = 2.0  # seconds after any other failure: an answer that was lost is found again at once
LOOK_EVERY = 0.5  # seconds


class Keeper:
    """Keeps the issues of one bot."""

    def __init__(self, bot: App, noted: Noted) -> None:
        """`noted` is an audit of everything watched, by all rules, waivers heeded. Raises: ConfigError."""
        self._bot = bot
        self._policy = bot.settings.policy.hygiene.issues
        if self._policy.mode is IssueMode.NONE:
            remedy = "Set hygiene.issues to `project` or `group`"
            raise ConfigError(what="the policy wants no issues", where="hygiene.issues", remedy=remedy)
        self._noted = noted
        self._group_of = _grouping(bot.settings.watch.groups)

    def steps(self, ours: Iterable[RollingIssue]) -> tuple[IssueStep, ...]:
        """What is to be done, from the issues there are."""
        places = self._noted.places
        reports = place_reports(self._noted.report, places, self._policy, self._group_of)
        return plan_issues(reports, kept_places(places, self._group_of), ours, self._bot.issue_texts)

    def planned(self) -> tuple[IssueNews, ...]:
        """What `keep` would do; reads only."""
        with self._bot.budget.work():
            return tuple(news(step, NewsState.PLANNED) for step in self.steps(self._bot.rolling_issues.ours()))

    def keep(
        self,
        stopping: Callable[[], bool] = lambda: False,
        between: float = BETWEEN,
        say: Callable[[str], None] = lambda _: None,
    ) -> tuple[IssueNews, ...]:
        """Do it, in several rounds where GitLab is busy; `say` hears of what is waited for.

        Raises: CredentialsError, TransientError.
        """
        done: list[IssueNews] = []
        failed: tuple[IssueStep, ...] = ()
        for left in reversed(range(ROUNDS)):
            try:
                with self._bot.budget.work():
                    kept = keep_issues(
                        self._bot.rolling_issues, self.steps, confidential=self._policy.confidential, stopping=stopping
                    )
            except TransientError as error:
                if not left:
                    raise
                why, busy = str(error), asks_for_time(error)
            else:
                done += [news(step, NewsState.DONE) for step in (*come_about(failed, kept), *kept.done)]
                failed = kept.failed
                if not (kept.again and left) or stopping():
                    break
                why, busy = failed[0].failed if failed else "it was stopped", kept.busy
            pause = between if busy else min(between, SOON)
            say(f"issues are looked at again in {pause:.0f} s: {why}")
            if _waited(pause, stopping):
                return tuple(done)
        return (*done, *(news(step, NewsState.FAILED) for step in failed))


def with_issues(bot: App, noted: Noted, say: Callable[[str], None], *, dry_run: bool) -> Noted:
    """The audit with what was done, or would be, about issues. One that is not complete changes none."""
    if not noted.report.complete:
        return noted
    keeper = Keeper(bot, noted)
    issues = keeper.planned() if dry_run else keeper.keep(say=say)
    return replace(noted, report=replace(noted.report, issues=issues))


def spoken(one: IssueNews) -> str:
    """A change as one line of talk."""
    place = one.place.path or "the instance"
    found = "clean" if one.findings == 0 else f"{one.findings} finding{'' if one.findings == 1 else 's'}"
    tail = f": {one.reason}" if one.reason else f" ({one.web_url})" if one.web_url else ""
    return f"issue about {place}, {found}: {one.deed}, {one.state.value}{tail}"


def _grouping(groups: Iterable[str]) -> Callable[[str], str]:
    """The watched group that a path is in, the nearest if several are; its top-level group where none is."""
    known = sorted((group for group in groups if group != "**"), key=len, reverse=True)

    def group_of(path: str) -> str:
        near = (group for group in known if path.lower() == group.lower() or matches_path(f"{group}/**", path))
        return next(near, path.partition("/")[0])

    return group_of


def _waited(seconds: float, stopping: Callable[[], bool]) -> bool:
    """Wait; True if the bot is to stop meanwhile."""
    pause = threading.Event()
    for _ in range(int(seconds / LOOK_EVERY)):
        if stopping():
            return True
        pause.wait(LOOK_EVERY)
    return stopping()
