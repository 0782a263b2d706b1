"""The two cookies: one for a browser that is on its way through GitLab, one for whoever is in.

Over https their names begin with `__Host-`: browsers then take them only with `Secure`, for this very host and for all
of its paths, so that no neighbouring host can plant one. Over http, which the settings allow on this machine alone,
Chromium takes such cookies and other browsers do not: there they go without, and their names hold the port, for cookies
know none.

Source: RFC 6265bis, section 4.1.3.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

_WORD = re.compile(r"[A-Za-z0-9_-]{43}")
"""What `secrets.token_urlsafe(32)` makes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cookies:
    """Names and attributes, by the address that browsers know us by."""

    prefix: str
    secure: bool

    @classmethod
    def of(cls, public_url: str) -> Cookies:
        """Those for an origin."""
        parts = urlsplit(public_url)
        if parts.scheme == "https":
            return cls(prefix="__Host-ropewalk", secure=True)
        return cls(prefix=f"ropewalk-{parts.port or 80}", secure=False)

    @property
    def session(self) -> str:
        """The name of the cookie of whoever is in."""
        return self.prefix

    @property
    def pending(self) -> str:
        """The name of the cookie of a browser that is on its way."""
        return f"{self.prefix}-sign-in"

    def read(self, request: Request, name: str) -> str | None:
        """A cookie's value; None where there is none, or what we never made, or more than one of that name."""
        sent = [value for header in request.headers.getlist("cookie") for value in _values(header, name)]
        return sent[0] if len(sent) == 1 and _WORD.fullmatch(sent[0]) else None

    def give(self, answer: Response, name: str, value: str) -> None:
        """Set one until the browser is closed."""
        answer.set_cookie(name, value, path="/", secure=self.secure, httponly=True, samesite="lax")

    def take(self, answer: Response, name: str) -> None:
        """Delete one."""
        answer.delete_cookie(name, path="/", secure=self.secure, httponly=True, samesite="lax")


def _values(header: str, name: str) -> list[str]:
    pairs = (part.strip().partition("=") for part in header.split(";"))
    return [value for key, equals, value in pairs if equals and key == name]
