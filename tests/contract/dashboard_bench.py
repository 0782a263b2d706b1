"""A dashboard over a filled state: its application, and viewers who see some projects and may do some things."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from starlette.requests import Request
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from bot.adapters.store.views.all import Views
from bot.adapters.store.views.reader import open_reader
from bot.domain.releases import Release
from bot.domain.views import ProjectRow
from bot.settings.addresses import is_loopback
from bot.web.dashboard.app import dashboard
from bot.web.dashboard.exposure import ExposureLook
from bot.web.dashboard.site import Site
from bot.web.viewer import Act, Door, OpenDoor, Person, Viewer


@dataclass(kw_only=True)
class Member:
    """Somebody who signed in, sees these projects and may do these things in them."""

    projects: frozenset[int]
    acts: frozenset[Act] = frozenset()
    maintained: frozenset[int] | None = None  # all that they see
    inside: frozenset[int] | None = None  # all that they see
    csrf: str = "token-of-a-form"
    person: Person | None = field(default_factory=lambda: Person(user_id=5, username="grace", name="Grace Hopper"))
    asked: list[int] = field(default_factory=list)
    weighed: list[int] = field(default_factory=list)
    others: str = ""  # whom policy asks to approve instead

    def visible(self, project_ids: Sequence[int]) -> frozenset[int]:
        """Those of theirs."""
        self.asked.extend(project_ids)
        return self.projects & frozenset(project_ids)

    def insiders(self, project_ids: Sequence[int]) -> frozenset[int]:
        """In those of theirs that they are no strangers to."""
        return self.visible(project_ids) if self.inside is None else self.inside & frozenset(project_ids)

    def may(self, project_id: int) -> frozenset[Act]:
        """In theirs."""
        self.weighed.append(project_id)
        return self.acts if project_id in self.projects else frozenset()

    def approvers(self, release: Release) -> str:
        """Others, where any are named."""
        del release
        return self.others

    def maintains(self, project_id: int) -> bool:
        """In those of theirs that they maintain."""
        return project_id in (self.projects if self.maintained is None else self.maintained)


@dataclass(kw_only=True)
class OneDoor:
    """Lets one person in, or nobody."""

    who: Viewer | None
    routes: Sequence[BaseRoute] = ()

    def viewer(self, request: Request) -> Viewer | None:
        """Them."""
        del request
        return self.who


def site(
    views: Views, clock: Callable[[], datetime], exposures: Callable[[ProjectRow], ExposureLook] | None = None
) -> Site:
    """Pages over these views."""
    return Site(
        releases=views.releases,
        findings=views.findings,
        projects=views.projects,
        bot=views.bot,
        exposures=exposures or (lambda _: ExposureLook(at=clock(), exposures=())),
        clock=clock,
        hosts=is_loopback,
        gitlab="https://gitlab.example.com",
        version="0.1.0",
    )


def application(state: Path, clock: Callable[[], datetime], door: Door | None = None) -> tuple[ASGIApp, Views]:
    """The dashboard over a SQLite state; close the views at the end."""
    views = Views(open_reader(state))
    return dashboard(site(views, clock), door or OpenDoor(), asyncio.Event()), views
