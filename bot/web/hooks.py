"""The webhook endpoint: verify, store, answer. Nothing is done inline."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from bot.domain.errors import TransientError
from bot.domain.secrets import Secret
from bot.domain.webhooks import lasting_form
from bot.log import get
from bot.web.batches import Batches
from bot.web.signature import SignatureCheck, TokenCheck, check

MOST_BODY = 25 * 1024 * 1024  # GitLab sends no more
MOST_PARSED = 1024 * 1024
MOST_DEPTH = 32
DEADLINE = 10.0  # seconds to receive a request

log = get("hooks")


@dataclass(frozen=True, slots=True)
class Taken:
    """What was decided about a hook; `idle` if nothing follows from it."""

    words: str
    idle: bool = False


@dataclass(frozen=True, slots=True)
class Delivery:
    """The id of a webhook, and the digest of what its body has in common with the same event sent again."""

    id: str
    digest: str


Take = Callable[[dict[str, object]], Taken]
Remember = Callable[[Sequence[Delivery]], Sequence[bool]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """What the endpoint needs: the secret, where to put what it accepts, and what to do about a body too big to read.

    `take` stores and says what was decided; `remember` stores deliveries and says of each whether it is the first with
    its id, or like it. Both are called within one `gather`, and count when it ends. `stored` hears how many seconds
    after GitLab signed it a hook was stored.
    """

    secret: Secret | None
    take: Take
    remember: Remember
    poll_now: Callable[[], None]
    gitlab_now: Callable[[], datetime]
    gather: Callable[[], AbstractContextManager[None]] = nullcontext
    stored: Callable[[float], None] = lambda _: None


@dataclass(frozen=True, slots=True)
class _Hook:
    """An authentic webhook; an old GitLab gives it no id."""

    delivery: Delivery | None
    payload: dict[str, object]


class HookEndpoint:
    """`POST /hooks/gitlab`. `deadline` is how long a body may take, in seconds."""

    def __init__(self, intake: Intake, deadline: float = DEADLINE) -> None:
        self._intake = intake
        self._deadline = deadline
        self._batches = Batches(self._store)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI application: what a framework wraps around a function costs as much as the function here."""
        response = await self.answer(Request(scope, receive, send))
        await response(scope, receive, send)

    async def answer(self, request: Request) -> Response:
        """202 stored or irrelevant, 401 not authentic, 403 no secret, 400 unparsable, 408 slow, 413, 503 not stored."""
        if not self._intake.secret:
            return _answer(403, "no hook secret is configured: set watch.hook_secret_env")
        proof = check(self._intake.secret.reveal(), request.headers, self._intake.gitlab_now())
        if proof is None:
            log.error("hook.secret", why="whsec_ is not followed by base64: copy the signing token whole")
            return _answer(403, "the hook secret that is configured is not a signing token")
        try:
            async with asyncio.timeout(self._deadline):
                received = await _receive(request, proof)
        except TimeoutError:
            return _answer(408, "the request took too long")
        except ClientDisconnect:
            return _answer(400, "the request broke off")
        if received is None:
            return _answer(413, "the body is larger than 25 MiB")
        if not proof.passes():
            log.warning("hook.refused", why="signature or token does not match")
            return _answer(401, "signature or token does not match")
        if received.body is None:
            self._intake.poll_now()
            return _answer(202, "too large to read; looking at GitLab instead")
        payload = _parse(received.body)
        if payload is None:
            return _answer(400, "the body is not a JSON object of sensible depth")
        try:
            answer = await self._batches.ask(_Hook(_delivery(request.headers.get("webhook-id"), payload), payload))
        except TransientError as error:
            log.warning("hook.not_stored", reason=str(error))
            return _answer(503, "cannot store")
        except Exception as error:  # whatever the state raises, GitLab must hear that it was not taken
            log.error("hook.not_stored", exc_info=error)
            return _answer(503, "cannot store")
        if proof.sent is not None and answer.status_code == 202:
            self._intake.stored((self._intake.gitlab_now() - proof.sent).total_seconds())
        return answer

    def _store(self, hooks: Sequence[_Hook]) -> list[Response]:
        with self._intake.gather():
            fresh = self._remembered(hooks)
            decisions = [
                self._intake.take(hook.payload) if good else None for hook, good in zip(hooks, fresh, strict=True)
            ]
        # Told only now: what is acknowledged is stored.
        return [self._told(hook, decision) for hook, decision in zip(hooks, decisions, strict=True)]

    def _remembered(self, hooks: Sequence[_Hook]) -> list[bool]:
        """Of each whether it may be taken: False for an id that came with another body before."""
        good = iter(self._intake.remember([hook.delivery for hook in hooks if hook.delivery is not None]))
        return [hook.delivery is None or next(good) for hook in hooks]

    def _told(self, hook: _Hook, decision: Taken | None) -> Response:
        if decision is None:
            log.error(
                "hook.replayed", delivery=hook.delivery.id[:80] if hook.delivery else "", why="same id, another body"
            )
            return _answer(401, "this delivery id was used for another body")
        kind = hook.payload.get("object_kind") or hook.payload.get("event_name")
        # A line for each that nothing follows from would be most of the log, and a third of what such a hook costs.
        tell = log.debug if decision.idle else log.info
        tell("hook.taken", kind=str(kind)[:40], decision=decision.words)
        return _answer(202, decision.words)


@dataclass(frozen=True, slots=True)
class _Received:
    """A whole body; None if it is too large to be worth reading."""

    body: bytes | None


async def _receive(request: Request, proof: TokenCheck | SignatureCheck) -> _Received | None:
    """Pass the body through the check; None beyond the limit. No sender makes us hold more than a parsable body."""
    kept = bytearray()
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MOST_BODY:
            return None
        proof.update(chunk)
        if size <= MOST_PARSED:
            kept += chunk
        else:
            kept.clear()
    return _Received(bytes(kept) if size <= MOST_PARSED else None)


def _delivery(id_: str | None, payload: dict[str, object]) -> Delivery | None:
    return None if id_ is None else Delivery(id_, hashlib.sha256(lasting_form(payload)).hexdigest())


def _parse(body: bytes) -> dict[str, object] | None:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and _depth(value) <= MOST_DEPTH else None


def _depth(value: object) -> int:
    """How many objects and arrays lie within one another; counts to one more than we allow."""
    depth = 0
    level = [value]
    while level and depth <= MOST_DEPTH:
        depth += 1
        level = [inner for one in level for inner in _inside(one) if isinstance(inner, (dict, list))]
    return depth


def _inside(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _answer(status: int, message: str) -> JSONResponse:
    return JSONResponse({"message": message}, status_code=status)
