"""Errors, named after what the engine does next.

Adapters translate every library's exception into one of these three; each carries typed fields and writes its own
sentence, so nobody ever decides by searching a message.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


class RopewalkError(Exception):
    """The root of all expected errors; `str()` is one sentence for a person: what, where, what to do next."""


@dataclass(eq=False)
class TransientError(RopewalkError):
    """Try later: the same call may succeed. `retry_after` is what the server asked for, if it did; `remedy` is what to
    check if it does not pass.
    """

    what: str
    where: str
    retry_after: timedelta | None = None
    status: int | None = None
    remedy: str = ""

    def __str__(self) -> str:
        later = f"; try again in {self.retry_after.total_seconds():.0f} s" if self.retry_after else "; try again later"
        return f"{self.where}: {self.what}{later}" + (f". {self.remedy}" if self.remedy else "")


class PutOffError(TransientError):
    """Not now, and certainly nothing done: the server refused the call for its rate (429), or we did not even make it.

    So whoever wanted to write need not look whether it happened, and it counts as no try.
    """


@dataclass(eq=False)
class RefusedError(RopewalkError):
    """Stop and report: repeating the call would give the same answer. `status` is the HTTP status, if there was one."""

    what: str
    where: str
    remedy: str = ""
    status: int | None = None

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" + (f". {self.remedy}" if self.remedy else "")


class CredentialsError(RefusedError):
    """The server refuses who we are (401) or what we may do (403 for the token's scope or role)."""


@dataclass(eq=False)
class FencedError(RopewalkError):
    """Stop at once and write nothing: another process took over what this one was at."""

    what: str

    def __str__(self) -> str:
        return f"{self.what}: another process has taken it over"


@dataclass(eq=False)
class ConfigError(RopewalkError):
    """Stop the start: the configuration is wrong. `where` is `FILE:LINE` or the name of a setting."""

    what: str
    where: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" + (f". {self.remedy}" if self.remedy else "")
