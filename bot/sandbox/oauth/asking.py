"""What an application asks a person for at `/oauth/authorize`, checked in doorkeeper's order.

Source: doorkeeper, oauth/pre_authorization.rb, oauth/helpers/uri_checker.rb.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urlencode, urlsplit

from bot.sandbox.oauth.words import DEFAULT_SCOPE, OauthError, missing
from bot.sandbox.world.applications import CODE_LIFETIME, Application, Grant
from bot.sandbox.world.people import User
from bot.sandbox.world.world import World

FIELDS = (
    "client_id",
    "redirect_uri",
    "response_type",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
    "nonce",
)
_SCRIPTS = ("javascript", "vbscript", "data")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """A good request."""

    application: Application
    redirect_uri: str
    scopes: frozenset[str]
    state: str
    challenge: str
    method: str
    nonce: str

    def answered(self, fields: Mapping[str, str]) -> str:
        """The redirect URI with an answer, and the state as it came."""
        told = {**fields, **({"state": self.state} if self.state else {})}
        return f"{self.redirect_uri}{'&' if '?' in self.redirect_uri else '?'}{urlencode(told)}"

    def granted(self, world: World, user: User) -> str:
        """Where the browser goes with a new code."""
        grant = Grant(
            application=self.application,
            user=user,
            redirect_uri=self.redirect_uri,
            scopes=self.scopes,
            challenge=self.challenge,
            method=self.method,
            nonce=self.nonce,
            ends_at=world.clock.now() + CODE_LIFETIME,
        )
        return self.answered({"code": world.applications.grant(grant)})

    def denied(self) -> str:
        """Where it goes when the person says no."""
        error = OauthError("access_denied")
        return self.answered({"error": error.name, "error_description": error.description})


def read_asking(world: World, sent: Mapping[str, str]) -> Asking:
    """The request these parameters make. Raises: OauthError."""
    given = {name: sent.get(name, "") for name in FIELDS}
    if not given["client_id"]:
        raise missing("client_id")
    application = world.applications.by_uid.get(given["client_id"])
    if application is None:
        raise OauthError("invalid_client")
    if not fits(given["redirect_uri"], application.redirect_uris):
        raise OauthError("invalid_redirect_uri")
    if not given["response_type"]:
        raise missing("response_type")
    if given["response_type"] != "code":
        raise OauthError("unsupported_response_type")
    scopes = frozenset(given["scope"].split()) or application.scopes & {DEFAULT_SCOPE}
    if not scopes or not scopes <= application.scopes:
        raise OauthError("invalid_scope")
    method = given["code_challenge_method"]
    if given["code_challenge"] and method not in ("plain", "S256"):
        raise OauthError("invalid_code_challenge_method")
    return Asking(
        application=application,
        redirect_uri=given["redirect_uri"],
        scopes=scopes,
        state=given["state"],
        challenge=given["code_challenge"],
        method=method,
        nonce=given["nonce"],
    )


def fits(uri: str, known: Iterable[str]) -> bool:
    """Whether a redirect URI is one of those: the same text, but for the port of a loopback address (RFC 8252)."""
    parts = _parts(uri)
    if parts is None or not parts.scheme or parts.fragment or parts.scheme.lower() in _SCRIPTS:
        return False
    if parts.scheme in ("http", "https") and not parts.hostname:
        return False
    return any(uri == one or _loopback_twin(parts, _parts(one)) for one in known)


def objection(uri: str) -> str | None:
    """What GitLab has against a redirect URI that somebody registers; None for nothing."""
    parts = _parts(uri)
    if parts is not None and parts.scheme.lower() in _SCRIPTS:
        return "is forbidden by the server."
    if parts is not None and parts.fragment:
        return "cannot contain a fragment."
    if parts is not None and not parts.scheme:
        return "must be an absolute URI."
    return "must be a valid URI." if parts is None or not parts.netloc else None


def _parts(uri: str) -> SplitResult | None:
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return None
    return None if any(character.isspace() for character in uri) else parts


def _loopback_twin(one: SplitResult, other: SplitResult | None) -> bool:
    if other is None or not (_loopback(one.hostname) and _loopback(other.hostname)):
        return False
    same = ("scheme", "username", "password", "hostname", "path", "query", "fragment")
    return all(getattr(one, name) == getattr(other, name) for name in same)


def _loopback(host: str | None) -> bool:
    try:
        return host is not None and ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
