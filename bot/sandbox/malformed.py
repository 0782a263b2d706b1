"""What GitLab turns away before it looks at a request: NUL and bad UTF-8 anywhere, JSON nested too deeply.

Source: lib/gitlab/middleware/handle_malformed_strings.rb, lib/gitlab/middleware/json_validation.rb.
"""

from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.sandbox.answers import Answer, RefusalError

DEPTH_LIMIT = 32
"""How deep JSON and nested parameter names go."""
TOO_DEEP = "Parameters nested too deeply"
REFUSAL = "Bad Request"
_ID_DIGITS = 18
"""Ids of more digits are beyond what a database holds, and no record has them."""


def malformed() -> RefusalError:
    """400 in plain text."""
    refusal = RefusalError(400, {})
    refusal.answer = Answer(status=400, content=REFUSAL.encode(), media_type="text/plain")
    return refusal


def check_text(text: str) -> None:
    """Raises: RefusalError (400) for a text that a database cannot hold: NUL, or half a character."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise malformed() from None
    if "\0" in text:
        raise malformed()


def check_values(value: object) -> None:
    """Check every text in parsed JSON, names included. Raises: RefusalError (400), also for what is nested too deep."""
    for one, depth in _walk(value):
        if depth > DEPTH_LIMIT:
            raise RefusalError(400, {"error": TOO_DEEP})
        if isinstance(one, str):
            check_text(one)


def _walk(value: object) -> Iterator[tuple[object, int]]:
    left: list[tuple[object, int]] = [(value, 0)]
    while left:
        one, depth = left.pop()
        if isinstance(one, dict):
            left += ((each, depth + 1) for pair in one.items() for each in pair)
            depth += 1
        elif isinstance(one, list):
            left += ((each, depth + 1) for each in one)
            depth += 1
        yield one, depth


def whole_number(text: str) -> int:
    """The id that decimal digits spell; -1, which no record has, for one that no database holds."""
    return int(text) if len(text) <= _ID_DIGITS else -1


def _good(encoded: bytes) -> bool:
    plain = unquote_to_bytes(encoded)
    try:
        plain.decode()
    except UnicodeDecodeError:
        return False
    return b"\0" not in plain


class MalformedLayer:
    """Answers 400 in plain text to a path or query that holds NUL or bad UTF-8, encoded or not."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and not (_good(scope["raw_path"]) and _good(scope["query_string"])):
            await PlainTextResponse(REFUSAL, 400)(scope, receive, send)
            return
        await self._app(scope, receive, send)
