"""The door with GitLab's lock: to GitLab and back, in, out, and what is pressed inside."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TypeVar
from urllib.parse import urlsplit

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from bot.domain.errors import RefusedError, TransientError
from bot.domain.gitlab import Role
from bot.domain.releases import Release
from bot.domain.secrets import Secret
from bot.domain.sign_in import GitLabUser, Tokens
from bot.engine.pressing import Presses
from bot.log import get
from bot.ports.sign_in import PersonsView, Provider
from bot.web.sign_in.acting import Acting, release_path
from bot.web.sign_in.cookies import Cookies
from bot.web.sign_in.forms import from_here, local_path, read_form, read_query, same
from bot.web.sign_in.pages import Draw, Notice, plain, sign_in_again, told
from bot.web.sign_in.pending import PendingSignIns
from bot.web.sign_in.sessions import PersonalViews, Session, Sessions
from bot.web.viewer import Act, Person, Viewer

LONGEST_CODE = 512  # characters; GitLab's have 64
CALLBACK = "/sign-in/callback"
LIVE = "/live/"
"""Pages that stay open ask here by themselves: that keeps nobody in."""
TWICE = "This page needs a form from the dashboard. Open the page anew and press again."

THREADS = 8

T = TypeVar("T")
Endpoint = Callable[[Request], Awaitable[Response]]

log = get("sign_in")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """What the door is made with. `public_url` is the origin that browsers know us by, `gitlab` GitLab's.

    `view` is GitLab for somebody's token; `release` finds a release by its key, `wake` tells that one is due. `clock`
    gives seconds that only go forward.
    """

    public_url: str
    gitlab: str
    provider: Provider
    view: Callable[[Tokens], PersonsView]
    presses: Callable[[], Presses]
    release: Callable[[str], Release | None]
    wake: Callable[[], None]
    clock: Callable[[], float] = time.monotonic
    draw: Draw = plain


@contextmanager
def _not_now() -> Iterator[None]:
    """What GitLab refuses to tell of a person cannot be told to them now: no page ends in a fault for that."""
    try:
        yield
    except RefusedError as error:
        raise TransientError(what=error.what, where=error.where, remedy=error.remedy) from None


@dataclass(frozen=True, slots=True)
class SignedIn:
    """See bot.web.viewer.Viewer."""

    session: Session = field(repr=False)
    acting: Acting = field(repr=False)

    @property
    def person(self) -> Person | None:
        """Who signed in."""
        user = self.session.user
        return Person(user_id=user.user_id, username=user.username, name=user.name)

    @property
    def csrf(self) -> str:
        """One for each session."""
        return self.session.csrf

    def visible(self, project_ids: Sequence[int]) -> frozenset[int]:
        """As GitLab says to their own token, at most a minute ago."""
        with _not_now():
            return self.acting.views.visible(self.session, project_ids)

    def insiders(self, project_ids: Sequence[int]) -> frozenset[int]:
        """As `visible`."""
        with _not_now():
            return self.acting.views.insiders(self.session, project_ids)

    def may(self, project_id: int) -> frozenset[Act]:
        """By their role in the project now."""
        with _not_now():
            return self.acting.may(self.session, project_id)

    def approvers(self, release: Release) -> str:
        """By the rule of the release, their role now and their user name."""
        with _not_now():
            return self.acting.approvers(self.session, release)

    def maintains(self, project_id: int) -> bool:
        """By the same role."""
        with _not_now():
            level = self.acting.level(self.session, project_id)
        return level is not None and level >= Role.MAINTAINER


class SignInDoor:
    """See bot.web.viewer.Door."""

    def __init__(self, lock: Lock) -> None:
        self._lock = lock
        self._cookies = Cookies.of(lock.public_url)
        self._threads = CapacityLimiter(THREADS)
        self._pending = PendingSignIns(lock.clock)
        self._sessions = Sessions(lock.clock)
        views = PersonalViews(self._sessions, lock.provider, lock.view)
        self._acting = Acting(
            sessions=self._sessions, views=views, presses=lock.presses, release=lock.release, wake=lock.wake
        )

    @cached_property
    def routes(self) -> Sequence[BaseRoute]:
        """What pages do not answer themselves."""
        return (
            Route("/sign-in", self._get(self._begin), methods=["GET"]),
            Route(CALLBACK, self._get(self._end), methods=["GET"]),
            Route("/sign-out", self._out, methods=["POST"]),
            *(Route(f"/releases/{{key:path}}/{act.value}", self._presser(act), methods=["POST"]) for act in Act),
        )

    def viewer(self, request: Request) -> Viewer | None:
        """Whoever the session cookie names."""
        session = self._session(request)
        return None if session is None else SignedIn(session, self._acting)

    def _session(self, request: Request) -> Session | None:
        cookie = self._cookies.read(request, self._cookies.session)
        return self._sessions.find(cookie, touch=not request.url.path.startswith(LIVE))

    def _get(self, answer: Callable[[Request], Response]) -> Endpoint:
        """GET alone: whoever asks for the head of a page does not sign in by it."""

        async def get(request: Request) -> Response:
            if request.method != "GET":
                return Response(status_code=405, headers={"Allow": "GET"})
            return await self._aside(answer, request)

        return get

    async def _aside(self, do: Callable[..., T], *given: object) -> T:
        """What may wait for GitLab: in threads of our own, so that nobody else waits for it."""
        return await to_thread.run_sync(partial(do, *given), limiter=self._threads)

    def _begin(self, request: Request) -> Response:
        """Send a browser to GitLab."""
        query = read_query(request)
        next_ = local_path((query or {}).get("next"))
        if self._session(request) is not None:
            return self._to(next_)
        begun = self._pending.begin(self._cookies.read(request, self._cookies.pending), next_)
        answer = self._to(self._lock.provider.address(begun.state, begun.verifier))
        self._cookies.give(answer, self._cookies.pending, begun.cookie)
        return answer

    def _end(self, request: Request) -> Response:
        """A browser is back: with a code that is exchanged, or with a no."""
        query = read_query(request)
        if query is None or not query.get("state"):
            return self._told(sign_in_again("This is no way in. Begin here.", status=400))
        pending = self._pending.end(query["state"], self._cookies.read(request, self._cookies.pending))
        if pending is None or query.get("iss", self._lock.gitlab).rstrip("/") != self._lock.gitlab:
            words = "This sign-in was begun elsewhere, too long ago, or ended already. Begin anew."
            return self._told(sign_in_again(words, status=400))
        code = query.get("code", "")
        if "error" in query or not 0 < len(code) <= LONGEST_CODE:
            words = "GitLab did not let you in, or you said no there. Nothing happened."
            return self._told(sign_in_again(words, status=403, next_=pending.next))
        try:
            user, tokens = self._who(code, pending.verifier)
        except TransientError as error:
            log.warning("sign_in.put_off", reason=str(error))
            words = "GitLab cannot be reached to sign you in. Try again in a minute."
            return self._told(sign_in_again(words, status=503, next_=pending.next))
        except RefusedError as error:
            log.warning("sign_in.refused", reason=str(error))
            words = "GitLab would not sign you in. If it stays so, tell whoever runs this dashboard; its log says why."
            return self._told(sign_in_again(words, status=403, next_=pending.next))
        return self._in(request, user, tokens, pending.next)

    def _who(self, code: str, verifier: Secret) -> tuple[GitLabUser, Tokens]:
        """Who the code stands for. Raises: TransientError, RefusedError."""
        tokens = self._lock.provider.tokens(Secret(code), verifier)
        try:
            user = self._lock.view(tokens).user()
            if user.robot:
                raise RefusedError(what=f"{user.username} is no person", where="sign-in")
        except (TransientError, RefusedError):
            self._revoke(tokens)
            raise
        return user, tokens

    def _in(self, request: Request, user: GitLabUser, tokens: Tokens, next_: str) -> Response:
        """A new session, whatever session the browser had before."""
        before = self._session(request)
        if before is not None:
            self._sessions.close(before)
            self._revoke(before.tokens)
        cookie, gone = self._sessions.open(user, tokens)
        for session in gone:
            self._revoke(session.tokens)
        log.info("sign_in.done", user=user.username, user_id=user.user_id)
        answer = self._to(next_)
        if not self._pending.waits(self._cookies.read(request, self._cookies.pending)):
            self._cookies.take(answer, self._cookies.pending)
        self._cookies.give(answer, self._cookies.session, cookie)
        return answer

    async def _out(self, request: Request) -> Response:
        """End the session, here and in GitLab."""
        session, form = self._session(request), await read_form(request)
        if session is None:
            return self._told(sign_in_again("You are signed out.", status=200))
        if form is None or not self._ours(request, session, form.get("csrf")):
            return self._told(Notice(status=403, title="Refused", words=TWICE))
        self._sessions.close(session)
        ended = await self._aside(self._revoke, session.tokens)
        log.info("sign_in.ended", user=session.user.username, user_id=session.user.user_id, revoked=ended)
        words = "You are signed out."
        if not ended:
            words += (
                " GitLab could not be told: there, Preferences, Applications lists what may still use your account."
            )
        answer = self._told(sign_in_again(words, status=200))
        self._cookies.take(answer, self._cookies.session)
        return answer

    def _presser(self, act: Act) -> Endpoint:
        async def press(request: Request) -> Response:
            key = str(request.path_params["key"])
            session, form = self._session(request), await read_form(request)
            if session is None:
                words = "You are not signed in any more, so nothing was done."
                return self._told(sign_in_again(words, status=401, next_=local_path(release_path(key))))
            if form is None or not self._ours(request, session, form.get("csrf")):
                return self._told(Notice(status=403, title="Refused", words=TWICE))
            notice = await self._aside(self._acting.press, session, act, key, form)
            return self._to(release_path(key)) if notice is None else self._told(notice)

        return press

    def _ours(self, request: Request, session: Session, csrf: str | None) -> bool:
        parts = urlsplit(self._lock.public_url)
        return from_here(request.headers, f"{parts.scheme}://{parts.netloc}") and same(csrf, session.csrf)

    def _revoke(self, tokens: Tokens) -> bool:
        """Let tokens open nothing any more; False if GitLab could not be told. They end by themselves, too."""
        try:
            self._lock.provider.revoke(tokens)
        except (TransientError, RefusedError) as error:
            log.warning("sign_in.not_revoked", reason=str(error))
            return False
        return True

    @staticmethod
    def _to(address: str) -> Response:
        return RedirectResponse(address, 303, {"Cache-Control": "no-store", "Referrer-Policy": "same-origin"})

    def _told(self, notice: Notice) -> Response:
        return told(notice, self._lock.draw)
