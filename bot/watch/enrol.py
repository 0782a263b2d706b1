"""Which projects are watched: everything in scope is listed and stored; the refs of new ones are looked at later.

Source: lib/api/projects.rb, lib/api/groups.rb.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from bot.domain.errors import RefusedError
from bot.domain.refs import Project
from bot.ports.gitlab import Projects
from bot.ports.store import Enrolment, Urgency
from bot.watch.scope import Scope

BATCH = 50  # projects a transaction
UNAUTHORIZED = 401


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolled:
    """What enrolling found: how many projects are in scope, and the paths of those that are not any more."""

    projects: int
    left: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Enroller:
    """All that enrolling needs.

    `membership` is False for an admin's token, which sees projects that its user is no member of.
    """

    projects: Projects
    enrolment: Enrolment
    scope: Scope
    membership: bool
    clock: Callable[[], datetime]

    def enrol(self) -> Enrolled:
        """List everything in scope and store it; a project that is not listed any more is watched no longer.

        Raises: TransientError; RefusedError if something that is to be watched cannot be listed, after all else was
        (nothing counts as gone then).
        """
        began = self.clock()
        refused: list[RefusedError] = []
        found = self._in_scope(refused)
        count = 0
        while batch := tuple(islice(found, BATCH)):
            self.enrolment.enrolled(batch, self.clock(), Urgency.BASELINE)
            count += len(batch)
        if refused:
            raise refused[0]
        return Enrolled(projects=count, left=self.enrolment.left(self.clock(), unseen_since=began))

    def _in_scope(self, refused: list[RefusedError]) -> Iterator[Project]:
        """Every project in scope, each once: first by group (which needs no membership), then by membership."""
        seen: set[int] = set()
        for listed in self._lists():
            try:
                for project in listed:
                    if project.id not in seen and self.scope.covers(project):
                        seen.add(project.id)
                        yield project
            except RefusedError as error:
                if error.status == UNAUTHORIZED:
                    raise
                refused.append(error)

    def _lists(self) -> Iterator[Iterator[Project]]:
        for group in self.scope.groups:
            if group != "**":
                yield self.projects.of_group(group)
        yield self._named()
        patterns = any("*" in path for path in self.scope.projects)
        if "**" in self.scope.groups or self.scope.topics or patterns:
            yield self.projects.active_since(None, membership=self.membership)

    def _named(self) -> Iterator[Project]:
        for path in self.scope.projects:
            if "*" not in path:
                project = self.projects.project(path)
                if project is not None:
                    yield project
