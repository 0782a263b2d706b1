"""When access tokens and deploy tokens end, as audits saw it: dates and numbers, never a name and never a token."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

SOON = timedelta(days=30)
"""Who is told so long before a token ends has time to make another."""


class TokenKind(StrEnum):
    """Which of a place's lists of tokens, by the word in resources."""

    ACCESS = "access_tokens"
    DEPLOY = "deploy_tokens"

    @property
    def one(self) -> str:
        """What one of them is called."""
        return self.value.replace("_", " ")[:-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenDate:
    """An active token by its number. `expires_on` is None if it never does; `publishes`: it can upload packages."""

    token_id: int
    expires_on: date | None
    publishes: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenList:
    """What an audit saw of one list of a place (`project/123`, `group/acme/tools`).

    `tokens` are all active ones; None where they could not be read, and `trouble` then says what could not.
    """

    place: str
    kind: TokenKind
    tokens: tuple[TokenDate, ...] | None
    trouble: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownList:
    """A list as it is kept: when it was read last (None: never), and what stood in the way of the last look, if any."""

    kind: TokenKind
    read_at: datetime | None
    trouble: str = ""
    tokens: tuple[TokenDate, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NextExpiry:
    """The token that ends first. `days` are those left, negative once it has ended; None if it never ends."""

    kind: TokenKind
    token: TokenDate
    days: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiries:
    """What is known of the tokens of one place; without lists nobody looked."""

    lists: tuple[KnownList, ...] = ()

    def next(self, today: date) -> NextExpiry | None:
        """The token that ends first from today on; else the last that ended, else one that never does; None: no token.

        One that ended goes with the next audit; until then it says that something may have stopped.
        """
        found = [_next(one.kind, token, today) for one in self.lists for token in one.tokens]
        return min(found, key=_order, default=None)

    @property
    def troubles(self) -> tuple[str, ...]:
        """What could not be read at the last look."""
        return tuple(one.trouble for one in self.lists if one.trouble)

    @property
    def read(self) -> bool:
        """Whether every list was read at some time."""
        return bool(self.lists) and all(one.read_at is not None for one in self.lists)

    @property
    def read_at(self) -> datetime | None:
        """The oldest look that something is known from; None if there was none."""
        return min((one.read_at for one in self.lists if one.read_at is not None), default=None)


def _next(kind: TokenKind, token: TokenDate, today: date) -> NextExpiry:
    days = None if token.expires_on is None else (token.expires_on - today).days
    return NextExpiry(kind=kind, token=token, days=days)


def _order(one: NextExpiry) -> tuple[int, int, int]:
    if one.days is None:
        return 2, 0, one.token.token_id
    return (0, one.days, one.token.token_id) if one.days >= 0 else (1, -one.days, one.token.token_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenReading:
    """Of all tokens on record that can, or cannot, publish: how many end `SOON`, and the day when the first does."""

    publishes: bool
    soon: int
    first: date | None
