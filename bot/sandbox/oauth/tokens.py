"""Codes for tokens, tokens for newer ones, revoking, and what a token is.

Source: doorkeeper, oauth/authorization_code_request.rb, oauth/refresh_token_request.rb, tokens_controller.rb;
app/controllers/oauth/{tokens,token_info}_controller.rb; config/initializers/doorkeeper_openid_connect.rb.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from bot.sandbox.answers import Json
from bot.sandbox.oauth.asking import fits
from bot.sandbox.oauth.words import OauthError, missing
from bot.sandbox.signing import Signer
from bot.sandbox.world.applications import TOKEN_LIFETIME, Application, Grant
from bot.sandbox.world.people import Token, TokenKind, User
from bot.sandbox.world.world import World

ID_TOKEN_LIFETIME = timedelta(seconds=120)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """The token endpoint and those beside it. `sent` are parameters of a request, `headers` have lower-case names."""

    world: World
    signer: Signer

    def create(self, sent: Mapping[str, str], headers: Mapping[str, str]) -> Json:
        """`POST /oauth/token`. Raises: OauthError."""
        kind = sent.get("grant_type", "")
        if not kind:
            raise missing("grant_type")
        with self.world.lock:
            if kind == "authorization_code":
                return self._by_code(sent, headers)
            if kind == "refresh_token":
                return self._by_refresh(sent, headers)
        raise OauthError("unsupported_grant_type")

    def _by_code(self, sent: Mapping[str, str], headers: Mapping[str, str]) -> Json:
        if not sent.get("code"):
            raise missing("code")
        grant, verifier = self.world.applications.grants.get(sent["code"]), sent.get("code_verifier", "")
        if grant is not None and grant.challenge and not verifier:
            raise missing("code_verifier")
        if not sent.get("redirect_uri"):
            raise missing("redirect_uri")
        client = self._client(sent, headers)
        if client is None:
            raise OauthError("invalid_client")
        good = (
            grant is not None
            and grant.application is client
            and fits(sent["redirect_uri"], (grant.redirect_uri,))
            and _proven(grant, verifier)
            and not grant.used
            and grant.ends_at > self.world.clock.now()
        )
        if grant is None or not good:
            raise OauthError("invalid_grant")
        grant.used = True
        token = self.world.applications.issue(client, grant.user, grant.scopes)
        return self._shown(token, grant.user, grant.nonce)

    def _by_refresh(self, sent: Mapping[str, str], headers: Mapping[str, str]) -> Json:
        if not sent.get("refresh_token"):
            raise missing("refresh_token")
        old = self.world.applications.refreshing.get(sent["refresh_token"])
        if old is None or old.revoked or old.user is None or old.application is None:
            raise OauthError("invalid_grant")
        client = self._client(sent, headers)
        if client is None:
            raise OauthError("invalid_client")
        if old.application is not client:
            raise OauthError("invalid_grant")
        scopes = frozenset(sent.get("scope", "").split()) or old.scopes
        if not scopes <= old.scopes:
            raise OauthError("invalid_scope")
        old.revoked = True
        return self._shown(self.world.applications.issue(client, old.user, scopes), old.user, "")

    def _client(self, sent: Mapping[str, str], headers: Mapping[str, str]) -> Application | None:
        """The application that proves to be one, by basic auth or else by parameters; a public one needs no secret."""
        uid, secret = _basic(headers.get("authorization", "")) or (sent.get("client_id", ""), sent.get("client_secret"))
        known = self.world.applications.by_uid.get(uid)
        if known is None or (not secret and known.confidential):
            return None
        return known if not secret or hmac.compare_digest(secret.encode(), known.secret.encode()) else None

    def _shown(self, token: Token, user: User, nonce: str) -> Json:
        shown: Json = {
            "access_token": token.secret,
            "token_type": "Bearer",
            "expires_in": int(TOKEN_LIFETIME.total_seconds()),
            "refresh_token": token.refresh,
            "scope": " ".join(sorted(token.scopes)),
            "created_at": int(token.created_at.timestamp()),
        }
        return shown | ({"id_token": self._id_token(token, user, nonce)} if "openid" in token.scopes else {})

    def _id_token(self, token: Token, user: User, nonce: str) -> str:
        now = self.world.clock.now()
        claims: dict[str, object] = {
            "iss": self.world.url,
            "sub": str(user.id),
            "aud": token.application.uid if token.application else "",
            "exp": int((now + ID_TOKEN_LIFETIME).timestamp()),
            "iat": int(now.timestamp()),
            "auth_time": int(now.timestamp()),
            "groups_direct": [one.full_path for one in list(self.world.groups.values()) if user.id in one.members],
        }
        return self.signer.sign(claims | ({"nonce": nonce} if nonce else {}) | _email(token, user))

    def revoke(self, sent: Mapping[str, str], headers: Mapping[str, str]) -> Json:
        """`POST /oauth/revoke`; a token that is none is fine. Raises: OauthError."""
        client = self._client(sent, headers)
        if client is None:
            raise OauthError("unauthorized_client")
        secret = sent.get("token", "")
        token = self.world.tokens.get(secret) or self.world.applications.refreshing.get(secret)
        if token is not None and token.kind is TokenKind.OAUTH:
            if token.application is not client:
                raise OauthError("unauthorized_client")
            token.revoked = True
        return {}

    def info(self, secret: str) -> Json:
        """`GET /oauth/token/info`. Raises: OauthError."""
        token = self._good(secret)
        if token is None or token.user is None or token.application is None or token.ends_at is None:
            raise OauthError("invalid_request")
        left, scopes = int((token.ends_at - self.world.clock.now()).total_seconds()), sorted(token.scopes)
        return {
            "resource_owner_id": token.user.id,
            "scope": scopes,
            "expires_in": left,
            "application": {"uid": token.application.uid},
            "created_at": int(token.created_at.timestamp()),
            "scopes": scopes,
            "expires_in_seconds": left,
        }

    def userinfo(self, secret: str) -> Json:
        """`GET /oauth/userinfo`. Raises: OauthError."""
        token = self._good(secret)
        if token is None or token.user is None or "openid" not in token.scopes:
            raise OauthError("invalid_token")
        user, base = token.user, self.world.url
        known: Json = {
            "sub": str(user.id),
            "name": user.name,
            "nickname": user.username,
            "preferred_username": user.username,
            "profile": f"{base}/{user.username}",
            "picture": f"{base}/uploads/-/system/user/avatar/{user.id}/avatar.png",
            "groups": sorted(one.full_path for one in list(self.world.groups.values()) if user.id in one.members),
        }
        return known | _email(token, user)

    def _good(self, secret: str) -> Token | None:
        token = self.world.tokens.get(secret)
        if token is None or token.kind is not TokenKind.OAUTH or token.revoked or token.over(self.world.clock.now()):
            return None
        return token


def _email(token: Token, user: User) -> Json:
    """The primary address with the scope `email`, else the public one."""
    email = user.email if "email" in token.scopes else user.public_email
    return {"email": email, "email_verified": True} if email else {"email": email}


def _proven(grant: Grant, verifier: str) -> bool:
    """RFC 7636: the verifier fits the challenge, or there is neither."""
    if not verifier:
        return not grant.challenge
    if grant.method == "S256":
        digest = hashlib.sha256(verifier.encode()).digest()
        return grant.challenge == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return grant.method == "plain" and grant.challenge == verifier


def _basic(header: str) -> tuple[str, str] | None:
    scheme, _, rest = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        uid, _, secret = base64.b64decode(rest, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return uid, secret
