"""What the pages are made from, and how one is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from bot.domain.errors import TransientError
from bot.domain.views import ProjectRow
from bot.ports.views import BotViews, FindingViews, ProjectViews, ReleaseViews
from bot.web.dashboard.exposure import ExposureLook
from bot.web.dashboard.sight import Sight
from bot.web.dashboard.templates import TEMPLATES
from bot.web.sign_in.pages import Notice
from bot.web.viewer import Door, Viewer

Context = dict[str, Any]  # what a template is given: its own names


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where pages look. `exposures` asks GitLab about one project; `hosts` says which host names are ours.

    `gitlab` is GitLab's address, for links; `audited` says whether audits run by themselves, for what is not there.
    """

    releases: ReleaseViews
    findings: FindingViews
    projects: ProjectViews
    bot: BotViews
    exposures: Callable[[ProjectRow], ExposureLook]
    clock: Callable[[], datetime]
    hosts: Callable[[str], bool]
    gitlab: str
    version: str
    audited: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One look at one page by one viewer."""

    site: Site
    request: Request
    viewer: Viewer
    sight: Sight
    inside: Sight
    now: datetime

    def asked(self, name: str, most: int = 200) -> str:
        """A word of the address's query, cut to what any of them needs; empty without one."""
        return self.request.query_params.get(name, "").replace("\0", "").strip()[:most]


Show = Callable[[Visit], Context]
"""Gathers what a page shows. Raises: HTTPException with 404 for what is not there, or not to be seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page: `name` is its template's, and that of its living part where it has one (`NAME_live.html`)."""

    name: str
    show: Show
    live: bool = False


def visit(site: Site, door: Door, request: Request) -> Visit | None:
    """Who looks; None if they must sign in first."""
    viewer = door.viewer(request)
    if viewer is None:
        return None
    sight, inside = Sight(viewer, site.projects), Sight(viewer, site.projects, inside=True)
    return Visit(site=site, request=request, viewer=viewer, sight=sight, inside=inside, now=site.clock())


def answer(site: Site, door: Door, page: Page, request: Request) -> Response:
    """The page as HTML, or the way to the door."""
    guest = visit(site, door, request)
    if guest is None:
        return RedirectResponse(sign_in(request), status_code=303)
    return HTMLResponse(rendered(page, guest, whole=True))


def rendered(page: Page, guest: Visit, *, whole: bool) -> str:
    """The whole page, or its living part alone."""
    template = TEMPLATES.get_template(f"{page.name}.html" if whole else f"{page.name}_live.html")
    return template.render(page.show(guest) | _frame(page, guest) | {"whole": whole})


def sign_in(request: Request) -> str:
    """Where a stranger is sent; afterwards they come back."""
    return f"/sign-in?next={quote(''.join(address(request)), safe='')}"


def address(request: Request) -> tuple[str, str]:
    """Path and query as they were asked for; the query begins with its question mark, or is empty."""
    query = request.scope["query_string"].decode("latin-1")
    return quote(request.scope["path"], safe="/@:+,;=~!$&'()*"), f"?{query}" if query else ""


def noticed(notice: Notice) -> str:
    """What the door says, as a page."""
    return TEMPLATES.get_template("notice.html").render(notice=notice)


def _frame(page: Page, guest: Visit) -> Context:
    path, query = address(guest.request)
    return {
        "now": guest.site.clock(),  # what a page asked of GitLab for may be younger than the visit
        "viewer": guest.viewer,
        "site": guest.site,
        "here": page.name,
        "live_at": f"/live{path}{query}" if page.live else "",
    }


def trouble(request: Request, error: Exception) -> Response:
    """What went wrong, as a page. What is not there and what may not be seen look alike."""
    status, title, words = 500, "A fault", "This page could not be made. The log says why."
    if isinstance(error, HTTPException):
        status = error.status_code
        title = "Not here" if status == 404 else "Not like that"
        words = (
            "There is no such page, or it is not for you to see."
            if status == 404
            else "This address does not take that request."
        )
    elif isinstance(error, TransientError):
        status, title, words = 503, "Not now", f"{error}. Try again in a moment."
    del request
    html = TEMPLATES.get_template("trouble.html").render(title=title, words=words)
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    return HTMLResponse(html, status_code=status, headers=headers)
