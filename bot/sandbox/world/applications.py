"""OAuth applications, the codes that are on their way to them, and browsers that are signed in.

Source: app/models/authn/oauth_application.rb, config/initializers/doorkeeper.rb, the gem doorkeeper.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bot.sandbox.world.people import Token, TokenKind, User

if TYPE_CHECKING:
    from bot.sandbox.world.world import World

CODE_LIFETIME = timedelta(minutes=10)
TOKEN_LIFETIME = timedelta(hours=2)
_HEX = "0123456789abcdef"
_DIGITS = 64
"""Application ids, codes and tokens are 32 random bytes in hexadecimal, without a prefix."""


@dataclass(slots=True, kw_only=True, eq=False)
class Application:
    """A client. `redirect_uris` are compared as texts; an instance-wide one has no owner; a trusted one asks nobody."""

    id: int
    uid: str
    secret: str = field(repr=False)
    name: str
    redirect_uris: tuple[str, ...]
    scopes: frozenset[str]
    confidential: bool = True
    trusted: bool = False
    owner: User | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class Grant:
    """What a code stands for."""

    application: Application
    user: User
    redirect_uri: str
    scopes: frozenset[str]
    challenge: str
    method: str
    nonce: str
    ends_at: datetime
    used: bool = False


@dataclass(slots=True, kw_only=True, eq=False)
class Browser:
    """A web session. `return_to` is where the sign-in leads; `form` is the token of its forms."""

    form: str
    user: User | None = None
    return_to: str = "/"


class Applications:
    """All of them, by application id; grants by code, browsers by cookie.

    `password` is everybody's who signs in. The letters of ids and tokens are drawn apart from those of the world, so
    that a world's tokens stay the same whether somebody signs in or not.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        seed = world.seed
        letters: random.Random = random.SystemRandom() if seed is None else random.Random(f"{seed} applications")
        self._random = letters
        self.password = self.random()[:16]
        self.by_uid: dict[str, Application] = {}
        self.grants: dict[str, Grant] = {}
        self.browsers: dict[str, Browser] = {}
        self.refreshing: dict[str, Token] = {}

    def random(self) -> str:
        """Random hexadecimal digits, as GitLab makes them."""
        return "".join(self._random.choices(_HEX, k=_DIGITS))

    def create(
        self,
        name: str,
        redirect_uris: Iterable[str],
        scopes: Iterable[str],
        *,
        confidential: bool = True,
        trusted: bool = False,
        owner: User | None = None,
    ) -> Application:
        """A new application."""
        made = Application(
            id=self._world.next_id("application"),
            uid=self.random(),
            secret=self.fresh_secret(),
            name=name,
            redirect_uris=tuple(redirect_uris),
            scopes=frozenset(scopes),
            confidential=confidential,
            trusted=trusted,
            owner=owner,
        )
        self.by_uid[made.uid] = made
        return made

    def remove(self, application: Application) -> None:
        """The application is gone, and what it was given opens nothing."""
        self.by_uid.pop(application.uid, None)
        for token in list(self._world.tokens.values()):
            token.revoked = token.revoked or token.application is application

    def fresh_secret(self) -> str:
        """A new secret of an application."""
        return f"gloas-{self.random()}"

    def grant(self, grant: Grant) -> str:
        """The code for it."""
        code = self.random()
        self.grants[code] = grant
        return code

    def issue(self, application: Application, user: User, scopes: frozenset[str]) -> Token:
        """An access token with its refresh token."""
        now = self._world.clock.now()
        token = Token(
            id=self._world.next_id("oauth_token"),
            kind=TokenKind.OAUTH,
            name=application.name,
            secret=self.random(),
            scopes=scopes,
            created_at=now,
            user=user,
            application=application,
            refresh=self.random(),
            ends_at=now + TOKEN_LIFETIME,
        )
        self._world.tokens[token.secret] = token
        self.refreshing[token.refresh] = token
        return token

    def agreed(self, application: Application, user: User, scopes: frozenset[str]) -> bool:
        """Whether the user has let the application do this before, and that still counts."""
        now = self._world.clock.now()
        return any(
            token.application is application and token.user is user and token.scopes == scopes
            for token in list(self._world.tokens.values())
            if not token.revoked and not token.over(now)
        )
