"""The webhook endpoint: verify, store, answer. Nothing is done inline.

Source: GitLab, doc/user/project/integrations/webhooks.md (signature over `id.timestamp.body`, key after `whsec_`).
"""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from standardwebhooks import Webhook
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from bot.domain.secrets import Secret
from bot.log import get

MOST_BODY = 25 * 1024 * 1024  # GitLab sends no more
MOST_PARSED = 1024 * 1024
MOST_DEPTH = 32
DEADLINE = 10.0  # seconds to receive a request
SIGNING_PREFIX = "whsec_"
WINDOW = timedelta(seconds=300)
LONGEST_STAMP = 11  # digits of a time in seconds until the year 5138

log = get("hooks")

Take = Callable[[dict[str, object]], str]
Remember = Callable[[str, bytes], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """What the endpoint needs: the secret, where to put what it accepts, and what to do about a body too big to read.

    `take` stores and says what was decided; `remember` stores a delivery id with its body and returns False if the
    same id came with another body before.
    """

    secret: Secret | None
    take: Take
    remember: Remember
    poll_now: Callable[[], None]
    gitlab_now: Callable[[], datetime]


class HookEndpoint:
    """`POST /hooks/gitlab`."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    async def __call__(self, request: Request) -> Response:
        """202 stored or irrelevant, 401 not authentic, 403 no secret configured, 400 unparsable, 408 slow, 413, 503."""
        if self._intake.secret is None:
            return _answer(403, "no hook secret is configured: set watch.hook_secret_env")
        try:
            async with asyncio.timeout(DEADLINE):
                body = await _receive(request)
        except TimeoutError:
            return _answer(408, "the request took too long")
        except ClientDisconnect:
            return _answer(400, "the request broke off")
        if body is None:
            return _answer(413, "the body is larger than 25 MiB")
        if not authentic(self._intake.secret.reveal(), request.headers, body, self._intake.gitlab_now()):
            log.warning("hook.refused", why="signature or token does not match")
            return _answer(401, "signature or token does not match")
        if len(body) > MOST_PARSED:
            self._intake.poll_now()
            return _answer(202, "too large to read; looking at GitLab instead")
        payload = _parse(body)
        if payload is None:
            return _answer(400, "the body is not a JSON object of sensible depth")
        return await run_in_threadpool(self._store, request.headers.get("webhook-id"), body, payload)

    def _store(self, delivery: str | None, body: bytes, payload: dict[str, object]) -> Response:
        if delivery is not None and not self._intake.remember(delivery, body):
            log.error("hook.replayed", delivery=delivery[:80], why="same id, another body")
            return _answer(401, "this delivery id was used for another body")
        decision = self._intake.take(payload)
        log.info("hook.taken", kind=str(payload.get("object_kind"))[:40], decision=decision)
        return _answer(202, decision)


async def _receive(request: Request) -> bytes | None:
    """The whole body, or None beyond the limit."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BODY:
            return None
    return bytes(body)


def authentic(secret: str, headers: Mapping[str, str], body: bytes, now: datetime) -> bool:
    """Whether a request comes from who knows the secret; `now` is GitLab's clock, which stamped it.

    A signing token (`whsec_…`) checks the signature and nothing else, so that a bad one has no second chance; any other
    secret is compared with `X-Gitlab-Token`.
    """
    if not secret.startswith(SIGNING_PREFIX):
        return hmac.compare_digest(headers.get("x-gitlab-token", "").encode(), secret.encode())
    delivery, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not delivery or not stamp.isdecimal() or len(stamp) > LONGEST_STAMP:
        return False
    sent = datetime.fromtimestamp(int(stamp), UTC)
    if abs(sent - now) > WINDOW:
        return False
    try:
        expected = Webhook(secret).sign(delivery, sent, body.decode())
    except UnicodeDecodeError:
        return False
    return any(
        hmac.compare_digest(given.encode(), expected.encode())
        for given in headers.get("webhook-signature", "").split(" ")
    )


def _parse(body: bytes) -> dict[str, object] | None:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and _depth(value) <= MOST_DEPTH else None


def _depth(value: object) -> int:
    depth = 0
    level: list[object] = [value]
    while level and depth <= MOST_DEPTH:
        depth += 1
        inner: list[object] = []
        for item in level:
            if isinstance(item, dict):
                inner += item.values()
            elif isinstance(item, list):
                inner += item
        level = inner
    return depth


def _answer(status: int, message: str) -> JSONResponse:
    return JSONResponse({"message": message}, status_code=status)
