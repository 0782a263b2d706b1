"""The daemon's dashboard: a listener of its own, for people."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import bot as package
from bot.domain.errors import ConfigError
from bot.log import get
from bot.settings.addresses import is_loopback

if TYPE_CHECKING:
    from bot.app import App
    from bot.domain.views import ProjectRow
    from bot.web.dashboard.exposure import ExposureLook
    from bot.web.dashboard.site import Site
    from bot.web.viewer import Door

log = get("dashboard")


@asynccontextmanager
async def dashboard_listening(bot: App, stop: asyncio.Event, wake: Callable[[], None]) -> AsyncIterator[None]:
    """Serve the dashboard for the length of the block, where the configuration asks for one, until `stop` is set.

    `wake` tells the runner that something pressed there made a release due.

    Without it nothing of the web's templates is imported. A dashboard that fails ends the daemon in good order.
    """
    place = bot.settings.dashboard
    if place is None:
        yield
        return
    from bot.web.dashboard.app import dashboard
    from bot.web.server import listen

    app = dashboard(site_of(bot), door_of(bot, wake), stop)
    serving = asyncio.create_task(listen(app, place.host, place.port, stop))
    serving.add_done_callback(lambda _: stop.set())
    log.info(
        "dashboard.ready",
        listen=f"http://{place.host}:{place.port}",
        public_url=place.public_url,
        sign_in=bot.settings.sign_in is not None,
    )
    try:
        yield
    finally:
        stop.set()
        try:
            await serving
        except OSError as error:
            what = f"cannot listen on {place.host}:{place.port} ({error.strerror})"
            raise ConfigError(what=what, where="dashboard", remedy="Choose another dashboard.port") from None


def door_of(bot: App, wake: Callable[[], None]) -> Door:
    """By which way people come in."""
    from bot.web.dashboard.site import noticed
    from bot.web.sign_in.opening import open_door

    return open_door(bot, wake, noticed)


def hosts_of(bot: App) -> Callable[[str], bool]:
    """Which host names are ours: those of this machine, and that of the public address."""
    place = bot.settings.dashboard
    public = None if place is None or place.public_url is None else urlsplit(place.public_url).hostname
    return lambda host: is_loopback(host) or (public is not None and host == public)


def site_of(bot: App) -> Site:
    """Where the pages look: at the state, which they cannot write to, and for exposures at GitLab."""
    from bot.web.dashboard.exposure import RememberedExposures
    from bot.web.dashboard.site import Site

    def look(project: ProjectRow) -> ExposureLook:
        return _exposures(bot, project)

    return Site(
        releases=bot.views.releases,
        findings=bot.views.findings,
        projects=bot.views.projects,
        bot=bot.views.bot,
        exposures=RememberedExposures(look, bot.clock),
        clock=bot.clock,
        hosts=hosts_of(bot),
        gitlab=bot.settings.gitlab.url,
        version=package.__version__,
        audited=bot.settings.policy.hygiene.audit is not None,
    )


def _exposures(bot: App, project: ProjectRow) -> ExposureLook:
    """Ask GitLab. Raises: TransientError, RefusedError."""
    from bot.cli.auditor import Auditor
    from bot.hygiene.exposure import exposures
    from bot.web.dashboard.exposure import ExposureLook

    facts = [one for one in Auditor(bot).facts_of(project.full_path) if one.project_id == project.id]
    return ExposureLook(
        at=bot.clock(),
        exposures=tuple(exposure for one in facts for exposure in exposures(one)),
        unread=tuple(sorted({unread.words for one in facts for unread in one.variables.unreadable})),
    )
