"""Who can read the credentials of one project, asked of GitLab when somebody wants to know: nothing older is kept."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.views import ProjectRow
from bot.hygiene.exposure import Exposure

HOLDS = timedelta(seconds=60)  # a page that is loaded again asks GitLab no more often
MOST_KEPT = 64  # projects


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposureLook:
    """What was found at `at`; `unread` are the places whose variables could not be looked at."""

    at: datetime
    exposures: tuple[Exposure, ...]
    unread: tuple[str, ...] = ()


class RememberedExposures:
    """Looks, each kept for a minute. Safe to share; one look at a time, so that many tabs are no storm."""

    def __init__(self, look: Callable[[ProjectRow], ExposureLook], clock: Callable[[], datetime]) -> None:
        self._look = look
        self._clock = clock
        self._kept: OrderedDict[int, ExposureLook] = OrderedDict()
        self._alone = threading.Lock()

    def __call__(self, project: ProjectRow) -> ExposureLook:
        """The exposures of a project. Raises: TransientError, RefusedError."""
        with self._alone:
            kept = self._kept.get(project.id)
            if kept is not None and self._clock() - kept.at < HOLDS:
                return kept
            found = self._look(project)
            self._kept[project.id] = found
            self._kept.move_to_end(project.id)
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
            return found
