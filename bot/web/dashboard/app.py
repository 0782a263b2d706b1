"""The dashboard as one application: pages, their living parts, the files they need, and the door's own routes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from mimetypes import guess_type

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from bot.domain.errors import TransientError
from bot.log import get
from bot.web.dashboard import findings, machine, projects, releases
from bot.web.dashboard.guard import Guard
from bot.web.dashboard.live import Streams
from bot.web.dashboard.site import Page, Site, answer, trouble
from bot.web.dashboard.templates import static_files
from bot.web.viewer import Door

LASTING = "public, max-age=31536000, immutable"  # an address of a file changes with what is in it
PAGES: dict[str, Page] = {
    "/": Page(name="now", show=releases.now, live=True),
    "/releases": Page(name="releases", show=releases.listed),
    "/releases/{key:path}": Page(name="release", show=releases.told, live=True),
    "/projects": Page(name="projects", show=projects.organisation),
    "/projects/{project_id:int}": Page(name="project", show=projects.project),
    "/projects/{project_id:int}/exposure": Page(name="exposure", show=projects.exposure),
    "/findings": Page(name="findings", show=findings.findings),
    "/bot": Page(name="bot", show=machine.machine, live=True),
}
"""What is where."""

log = get("dashboard")


def dashboard(site: Site, door: Door, stop: asyncio.Event) -> ASGIApp:
    """All of it; living parts end when `stop` is set. The guard stands outside of everything, faults included."""
    streams = Streams(site, door, stop)
    routes: list[BaseRoute] = [*door.routes, Route("/static/{name}", static)]
    for path, page in PAGES.items():
        if page.live:
            routes.append(Route(f"/live{path}", _live(streams, page)))
        routes.append(Route(path, _page(site, door, page)))
    handlers = {HTTPException: trouble, TransientError: trouble, Exception: _fault}
    return Guard(Starlette(routes=routes, exception_handlers=handlers), site.hosts)


def static(request: Request) -> Response:
    """A file of ours. Raises: HTTPException with 404."""
    name = request.path_params["name"]
    found = static_files().get(name)
    if found is None:
        raise HTTPException(404)
    return Response(found[0], media_type=guess_type(name)[0], headers={"cache-control": LASTING})


def _page(site: Site, door: Door, page: Page) -> Callable[[Request], Response]:
    def endpoint(request: Request) -> Response:
        return answer(site, door, page, request)

    return endpoint


def _live(streams: Streams, page: Page) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        return await streams.answer(page, request)

    return endpoint


def _fault(request: Request, error: Exception) -> Response:
    log.error("dashboard.fault", path=request.url.path[:200], exc_info=error)
    return trouble(request, error)
