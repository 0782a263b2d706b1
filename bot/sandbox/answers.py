"""What a request is answered with, and the refusals GitLab words the same everywhere."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

Json: TypeAlias = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A finished answer: JSON by default, else `content` bytes or the file at `path`."""

    status: int = 200
    body: Json | list[Json] | None = None
    content: bytes | None = None
    path: Path | None = None
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)

    def payload(self) -> bytes:
        """The bytes to send when there is no file; nothing for 204 and 304."""
        if self.content is not None:
            return self.content
        if self.body is None:
            return b"" if self.status in (204, 304) or self.path else b"null"
        return json.dumps(self.body, separators=(",", ":")).encode()


class RefusalError(Exception):
    """GitLab would not do it. Carries the whole answer."""

    def __init__(self, status: int, body: Json, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{status} {body}")
        self.answer = Answer(status=status, body=body, headers=dict(headers or {}))


def message(status: int, text: str | Mapping[str, object] | list[str]) -> RefusalError:
    """`{"message": …}`, as `render_api_error!` writes it."""
    return RefusalError(status, {"message": text})


def invalid(text: str) -> RefusalError:
    """A parameter Grape refuses: 400 `{"error": …}`."""
    return RefusalError(400, {"error": text})


def bad_request(reason: str) -> RefusalError:
    """400 with GitLab's prefix. Source: lib/api/helpers.rb `bad_request!`."""
    return message(400, f"400 Bad request - {reason}")


def unauthorized() -> RefusalError:
    """Nobody, or a token that does not exist."""
    return message(401, "401 Unauthorized")


def forbidden(reason: str = "") -> RefusalError:
    """Seen, but not allowed."""
    return message(403, f"403 Forbidden - {reason}" if reason else "403 Forbidden")


def not_found(what: str = "") -> RefusalError:
    """Absent, or not to be seen by this user."""
    return message(404, f"404 {what} Not Found" if what else "404 Not Found")


def no_record() -> RefusalError:
    """What a failed lookup by id answers: note the lower-case "found"."""
    return message(404, "404 Not found")


def invalid_token(description: str) -> RefusalError:
    """A token that once was good. Source: lib/api/api_guard.rb (rack-oauth2 bearer errors)."""
    return RefusalError(
        401,
        {"error": "invalid_token", "error_description": description},
        {
            "WWW-Authenticate": 'Bearer realm="Protected by OAuth 2.0", error="invalid_token", '
            f'error_description="{description}"'
        },
    )


def insufficient_scope(scopes: list[str]) -> RefusalError:
    """The token's scopes do not cover the request."""
    wanted = " ".join(scopes)
    text = "The request requires higher privileges than provided by the access token."
    return RefusalError(
        403,
        {"error": "insufficient_scope", "error_description": text, "scope": wanted},
        {
            "WWW-Authenticate": 'Bearer realm="Protected by OAuth 2.0", error="insufficient_scope", '
            f'error_description="{text}", scope="{wanted}"'
        },
    )
