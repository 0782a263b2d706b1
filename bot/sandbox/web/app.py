"""The web face as an ASGI application. It asks for no sign-in: the sandbox listens on loopback only."""

from datetime import UTC, datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from bot.sandbox.ci.pipelines import Pipelines
from bot.sandbox.web.markdown import render
from bot.sandbox.web.pages import Page, Pages, Redirect
from bot.sandbox.world.places import Project
from bot.sandbox.world.world import World

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def _moment(when: datetime | None) -> str:
    return "" if when is None else when.astimezone(UTC).strftime("%d %b %Y, %H:%M UTC")


class WebFace:
    """Pages for people: groups, projects, pipelines, job traces, merge requests, issues, releases."""

    def __init__(self, world: World, pipelines: Pipelines) -> None:
        self._pages = Pages(world, pipelines)
        self._templates = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters |= {"moment": _moment, "markdown": self._markdown}

    @staticmethod
    def _markdown(text: str, project: Project) -> Markup:
        return render(text, base=f"/{project.full_path}", root="")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; reading only."""
        request = Request(scope, receive)
        if request.method not in ("GET", "HEAD"):
            await Response("405 Method Not Allowed\n", 405, {"Allow": "GET, HEAD"})(scope, receive, send)
            return
        answer = await run_in_threadpool(self._answer, request.url.path)
        await answer(scope, receive, send)

    def _answer(self, path: str) -> Response:
        shown = self._pages.find(path)
        if isinstance(shown, Redirect):
            return RedirectResponse(shown.url, 302)
        page = shown or Page(template="missing.html", title="Not found", context={})
        text = self._templates.get_template(page.template).render(title=page.title, **page.context)
        return HTMLResponse(text, 200 if shown else 404, _HEADERS)
