"""Refusals in OAuth's words, as doorkeeper writes them.

Source: doorkeeper, config/locales/en.yml, oauth/error_response.rb.
"""

from __future__ import annotations

from bot.sandbox.answers import Json
from bot.sandbox.world.people import SCOPES as PERSONS

SCOPES = (
    *PERSONS,
    "openid",
    "profile",
    "email",
)
DEFAULT_SCOPE = "api"

_SAID = {
    "invalid_request": (
        "The request is missing a required parameter, includes an unsupported parameter value, or is otherwise "
        "malformed."
    ),
    "invalid_redirect_uri": "The requested redirect uri is malformed or doesn't match client redirect URI.",
    "unauthorized_client": "You are not authorized to revoke this token",
    "access_denied": "The resource owner or authorization server denied the request.",
    "invalid_scope": "The requested scope is invalid, unknown, or malformed.",
    "invalid_code_challenge_method": "The code challenge method must be plain or S256.",
    "unsupported_response_type": "The authorization server does not support this response type.",
    "invalid_client": (
        "Client authentication failed due to unknown client, no client authentication included, or unsupported "
        "authentication method."
    ),
    "invalid_grant": (
        "The provided authorization grant is invalid, expired, revoked, does not match the redirection URI used in the "
        "authorization request, or was issued to another client."
    ),
    "unsupported_grant_type": "The authorization grant type is not supported by the authorization server.",
    "invalid_token": "The access token is invalid",
}
_STATUS = {"invalid_client": 401, "invalid_token": 401, "unauthorized_client": 403}


class OauthError(Exception):
    """A refusal. `description` instead of the usual words."""

    def __init__(self, name: str, description: str | None = None) -> None:
        super().__init__(name)
        self.name = name
        self.description = description or _SAID[name]
        self.status = _STATUS.get(name, 400)

    def body(self) -> Json:
        """As JSON."""
        return {"error": self.name, "error_description": self.description}

    def headers(self) -> dict[str, str]:
        """What goes with it."""
        told = f'Bearer realm="Doorkeeper", error="{self.name}", error_description="{self.description}"'
        return {"Cache-Control": "no-store, no-cache", "WWW-Authenticate": told}


def missing(name: str) -> OauthError:
    """A parameter that is not there."""
    return OauthError("invalid_request", f"Missing required parameter: {name}.")
