"""The web face as an ASGI application. Its pages ask for no sign-in: the sandbox listens on loopback only."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from bot.sandbox.ci.pipelines import Pipelines
from bot.sandbox.web.drawing import draw
from bot.sandbox.web.pages import Page, Pages, Redirect
from bot.sandbox.world.world import World


class WebFace:
    """Pages for people: groups, projects, pipelines, job traces, merge requests, issues, releases."""

    def __init__(self, world: World, pipelines: Pipelines) -> None:
        self._pages = Pages(world, pipelines)

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
        return draw(page.template, 200 if shown else 404, title=page.title, **page.context)
