"""`/oauth/…` and the sign-in of the web face as an ASGI application.

Source: app/controllers/oauth/authorizations_controller.rb, app/controllers/sessions_controller.rb.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from bot.sandbox.oauth.asking import FIELDS, Asking, read_asking
from bot.sandbox.oauth.tokens import Tokens
from bot.sandbox.oauth.words import OauthError
from bot.sandbox.signing import Signer
from bot.sandbox.world.applications import Browser
from bot.sandbox.world.people import User
from bot.sandbox.world.world import World

COOKIE = "_gitlab_session"
SIGN_IN, SIGN_OUT, AUTHORIZE = "/users/sign_in", "/users/sign_out", "/oauth/authorize"
BLOCKED = "Your account has been blocked. Please contact your GitLab administrator if you think this is an error."
MOST_BROWSERS = 1_000
_JSON = {"Cache-Control": "no-store, no-cache", "Pragma": "no-cache"}
_PATHS = (SIGN_IN, SIGN_OUT, AUTHORIZE, "/oauth/token", "/oauth/revoke", "/oauth/token/info", "/oauth/userinfo")


def is_oauth_path(path: str) -> bool:
    """Whether this application answers there."""
    return path in _PATHS


class OauthFace:
    """Sign-in, consent, tokens."""

    def __init__(self, world: World, signer: Signer) -> None:
        self._world = world
        self._tokens = Tokens(world=world, signer=signer)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        try:
            answer = await self._answer(request)
        except OauthError as error:
            answer = JSONResponse(error.body(), error.status, error.headers())
        await answer(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        path, method = request.url.path, request.method
        sent = await _sent(request)
        match (method, path):
            case ("POST", "/oauth/token"):
                return JSONResponse(self._tokens.create(sent, request.headers), headers=_JSON)
            case ("POST", "/oauth/revoke"):
                return JSONResponse(self._tokens.revoke(sent, request.headers), headers=_JSON)
            case ("GET", "/oauth/token/info"):
                return JSONResponse(self._tokens.info(_bearer(request, sent)), headers=_JSON)
            case ("GET" | "POST", "/oauth/userinfo"):
                return JSONResponse(self._tokens.userinfo(_bearer(request, sent)), headers=_JSON)
            case ("GET", "/users/sign_in" | "/oauth/authorize") | ("POST", _) if path in (SIGN_IN, SIGN_OUT, AUTHORIZE):
                return self._page(request, sent)
        return Response("404 Not Found\n", 404)

    def _page(self, request: Request, sent: Mapping[str, str]) -> Response:
        """What a browser with its session is shown."""
        key, browser = self._browser(request)
        if request.method == "POST" and not _same(sent.get("authenticity_token", ""), browser.form):
            answer = _shown(
                "oauth_error.html", 422, said="The form is too old, or of another browser. Go back and retry."
            )
        elif request.url.path == SIGN_IN and request.method == "POST":
            return self._sign_in(key, browser, sent)
        elif request.url.path == SIGN_OUT:
            self._world.applications.browsers.pop(key, None)
            answer = RedirectResponse(SIGN_IN, 302)
        elif request.url.path == SIGN_IN:
            answer = self._sign_in_page(browser, "")
        else:
            answer = self._authorize(request, browser, sent)
        return _with_cookie(answer, key)

    def _browser(self, request: Request) -> tuple[str, Browser]:
        known, key = self._world.applications.browsers, request.cookies.get(COOKIE, "")
        browser = known.get(key)
        if browser is not None:
            return key, browser
        return self._new_browser(Browser(form=self._world.applications.random()))

    def _new_browser(self, browser: Browser) -> tuple[str, Browser]:
        known = self._world.applications.browsers
        if len(known) >= MOST_BROWSERS:
            known.pop(next(iter(known)))
        key = self._world.applications.random()
        known[key] = browser
        return key, browser

    def _sign_in_page(self, browser: Browser, said: str, status: int = 200) -> Response:
        people = sorted(one.username for one in list(self._world.users.values()) if not one.bot)
        return _shown("sign_in.html", status, said=said, form=browser.form, people=people)

    def _sign_in(self, key: str, browser: Browser, sent: Mapping[str, str]) -> Response:
        """A new session id for whoever signs in."""
        user = self._world.user_named(sent.get("user[login]", ""))
        if user is None or user.bot or not _same(sent.get("user[password]", ""), self._world.applications.password):
            return _with_cookie(self._sign_in_page(browser, "Invalid login or password.", 422), key)
        if user.state != "active":
            return _with_cookie(self._sign_in_page(browser, BLOCKED, 422), key)
        self._world.applications.browsers.pop(key, None)
        fresh = Browser(form=self._world.applications.random(), user=user)
        return _with_cookie(RedirectResponse(browser.return_to, 302), self._new_browser(fresh)[0])

    def _authorize(self, request: Request, browser: Browser, sent: Mapping[str, str]) -> Response:
        user = browser.user
        if user is None or user.state != "active":
            browser.user, browser.return_to = None, f"{AUTHORIZE}?{request.url.query}"
            return RedirectResponse(SIGN_IN, 302)
        try:
            asking = read_asking(self._world, sent)
        except OauthError as error:
            return _shown("oauth_error.html", 200, said=error.description)
        if request.method == "POST":
            denies = sent.get("_method", "").lower() == "delete"
            return RedirectResponse(asking.denied() if denies else asking.granted(self._world, user), 302)
        application = asking.application
        before = application.confidential and self._world.applications.agreed(application, user, asking.scopes)
        if application.trusted or before:
            return _shown("oauth_redirect.html", 200, url=asking.granted(self._world, user))
        return self._consent(browser, user, asking, sent)

    def _consent(self, browser: Browser, user: User, asking: Asking, sent: Mapping[str, str]) -> Response:
        hidden = {name: sent[name] for name in FIELDS if sent.get(name)}
        return _shown(
            "consent.html",
            200,
            application=asking.application,
            user=user,
            scopes=sorted(asking.scopes),
            form=browser.form,
            hidden=hidden,
        )


async def _sent(request: Request) -> dict[str, str]:
    """The query, and over it the form."""
    sent = dict(parse_qsl(request.url.query, keep_blank_values=True))
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        sent |= parse_qsl((await request.body()).decode(errors="replace"), keep_blank_values=True)
    return sent


def _bearer(request: Request, sent: Mapping[str, str]) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return sent.get("access_token") or (token.strip() if scheme.lower() == "bearer" else "")


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def _shown(template: str, status: int, **context: object) -> Response:
    """A page; the templates are loaded when somebody first looks at one."""
    from bot.sandbox.web.drawing import draw

    return draw(template, status, title="Sign in", **context)


def _with_cookie(answer: Response, key: str) -> Response:
    answer.set_cookie(COOKIE, key, httponly=True, samesite="lax")
    return answer
