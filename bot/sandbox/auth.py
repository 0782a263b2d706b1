"""Who is asking: credentials in headers, basic auth of git and the registry, scopes.

Source: lib/gitlab/auth/auth_finders.rb, lib/api/api_guard.rb.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass

from bot.sandbox.answers import RefusalError, insufficient_scope, invalid_token, unauthorized
from bot.sandbox.world.people import Token, TokenKind, User
from bot.sandbox.world.places import Group, Project
from bot.sandbox.world.world import World

PERSONAL_KINDS = (TokenKind.PERSONAL, TokenKind.PROJECT, TokenKind.GROUP)
BEARERS = (*PERSONAL_KINDS, TokenKind.OAUTH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who asks. Without a token: anonymous. A deploy token has no user."""

    user: User | None = None
    token: Token | None = None

    @property
    def kind(self) -> TokenKind | None:
        """The kind of credential, None for anonymous."""
        return None if self.token is None else self.token.kind

    def has_scope(self, *scopes: str) -> bool:
        """Whether the token carries one of the scopes; job tokens and anonymous have none to carry."""
        return self.token is not None and not self.token.scopes.isdisjoint(scopes)


ANONYMOUS = Identity()


def _live(world: World, secret: str, kinds: tuple[TokenKind, ...]) -> Token:
    token = world.tokens.get(secret)
    if token is None or token.kind not in kinds:
        raise unauthorized()
    if token.revoked:
        if token.kind is TokenKind.JOB:
            raise unauthorized()
        raise invalid_token("Token was revoked. You have to re-authorize from the user.")
    if token.over(world.clock.now()):
        raise invalid_token("Token is expired. You can either do re-authorization or token refresh.")
    if token.user is not None and token.user.state != "active":
        raise RefusalError(403, {"message": "403 Forbidden - Your account has been blocked."})
    token.last_used_at = world.clock.now()
    return token


def _as_identity(token: Token) -> Identity:
    return Identity(user=token.user, token=token)


def identify(
    world: World, headers: Mapping[str, str], query: Mapping[str, object], *, job_token: bool, deploy_token: bool
) -> Identity:
    """Who sent an API request. `job_token` and `deploy_token` say whether the route knows those credentials.

    `headers` has lower-case names.

    Raises:
        RefusalError: 401 for a credential that is not (or no longer) good; 403 for a blocked user.
    """
    secret = headers.get("private-token") or query.get("private_token")
    scheme, _, bearer = headers.get("authorization", "").partition(" ")
    if secret:
        return _as_identity(_live(world, str(secret), PERSONAL_KINDS))
    if scheme.lower() == "bearer" or query.get("access_token"):
        secret = bearer.strip() if scheme.lower() == "bearer" else str(query.get("access_token"))
        if job_token and secret.startswith("glcbt-"):
            return _as_identity(_live(world, secret, (TokenKind.JOB,)))
        if secret:
            return _as_identity(_live(world, secret, BEARERS))
    if job_token:
        secret = headers.get("job-token") or query.get("job_token")
        if secret:
            return _as_identity(_live(world, str(secret), (TokenKind.JOB,)))
    if deploy_token and "deploy-token" in headers:
        return _as_identity(_live(world, headers["deploy-token"], (TokenKind.DEPLOY,)))
    if deploy_token and scheme.lower() == "basic":
        return identify_basic(world, headers["authorization"])
    return ANONYMOUS


def identify_basic(world: World, authorization: str, *, oauth: bool = False) -> Identity:
    """Who a basic-auth header names: `gitlab-ci-token` + job token, a deploy token, any name + access token.

    `oauth` says that tokens of applications are taken, too, as git's are and the registry's are not.

    Raises: RefusalError (401).
    """
    try:
        decoded = base64.b64decode(authorization.partition(" ")[2], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise unauthorized() from None
    name, _, secret = decoded.partition(":")
    token = world.tokens.get(secret)
    if token is None:
        raise unauthorized()
    if token.kind is TokenKind.JOB and name != "gitlab-ci-token":
        raise unauthorized()
    if token.kind is TokenKind.DEPLOY and name != token.username:
        raise unauthorized()
    if token.kind is TokenKind.OAUTH and not oauth:
        raise unauthorized()
    return _as_identity(_live(world, secret, tuple(TokenKind)))


def require_scope(identity: Identity, method: str, extra: tuple[str, ...] = ()) -> None:
    """`api` always does, `read_api` for reading, `extra` where the route says so.

    Raises: RefusalError (403 insufficient_scope).
    """
    if identity.kind not in BEARERS:
        return
    accepted = ["api", *(["read_api"] if method in ("GET", "HEAD") else []), *extra]
    if not identity.has_scope(*accepted):
        raise insufficient_scope(accepted)


def token_reaches(token: Token, place: Project | Group) -> bool:
    """Whether a deploy token's project or group covers the place."""
    if token.project_id is not None:
        return isinstance(place, Project) and place.id == token.project_id
    namespace = place.namespace if isinstance(place, Project) else place
    return any(group.id == token.group_id for group in namespace.lineage())
