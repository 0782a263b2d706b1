"""OAuth 2 of GitLab: Authlib words the requests, our own session sends them.

Nothing of what the other side says is repeated but the names of OAuth's own errors: its texts could hold a code or a
token. No exception of a library leaves, for theirs carry the request with the application's secret.

Source: doc/api/oauth2.md; RFC 6749, 7009, 7636.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client.oauth2_session import OAuth2ClientAuth
from authlib.oauth2.client import OAuth2Client

from bot.adapters.gitlab.answers import host
from bot.adapters.gitlab.bounds import Limits
from bot.adapters.gitlab.transport import PlainSession
from bot.domain.errors import CredentialsError, RefusedError, TransientError
from bot.domain.secrets import Secret
from bot.domain.sign_in import SCOPE, Tokens

BOUNDS = Limits(silence=5.0, answer=10.0, answer_bytes=64 * 1024)
"""Somebody waits in front of a browser, and a token is some dozens of bytes."""
USUAL = timedelta(hours=2)
LONGEST = timedelta(days=1)
LONGEST_TOKEN = 4096  # characters
BUSY = (408, 425, 429)


class GitLabOauth:
    """See bot.ports.sign_in.Provider. `redirect_uri` is the one that is registered with the application."""

    def __init__(
        self,
        *,
        url: str,
        client_id: str,
        client_secret: Secret,
        redirect_uri: str,
        ca_file: str | None = None,
        proxy: str | None = None,
        limits: Limits = BOUNDS,
    ) -> None:
        self._url = url.rstrip("/")
        self._where = host(self._url)
        self._client_id = client_id
        self._secret = client_secret
        self._redirect_uri = redirect_uri
        self._verify: bool | str = ca_file or True
        self._proxy = proxy
        self._limits = limits

    def address(self, state: str, verifier: Secret) -> str:
        """The authorization request, with the verifier's S256 challenge."""
        client = self._client(None)  # nothing is sent
        address, _ = client.create_authorization_url(
            f"{self._url}/oauth/authorize", state=state, code_verifier=verifier.reveal()
        )
        return str(address)

    def tokens(self, code: Secret, verifier: Secret) -> Tokens:
        """Exchange a code, then ask what came is for."""
        given = self._asked(
            lambda client, sending: client.fetch_token(
                f"{self._url}/oauth/token",
                grant_type="authorization_code",
                code=code.reveal(),
                code_verifier=verifier.reveal(),
                **sending,
            )
        )
        tokens = self._read(given)
        try:
            self._must_be_ours(tokens)
        except (TransientError, RefusedError):
            # What cannot be used should open nothing. If that cannot be had either, it ends by itself.
            with suppress(TransientError, RefusedError):
                self.revoke(tokens)
            raise
        return tokens

    def renewed(self, tokens: Tokens) -> Tokens:
        """Use the refresh token, which counts once."""
        refresh = tokens.refresh
        if refresh is None:
            raise self._unwelcome("GitLab gave no token to renew it with")
        return self._read(
            self._asked(
                lambda client, sending: client.refresh_token(
                    f"{self._url}/oauth/token", refresh_token=refresh.reveal(), **sending
                )
            )
        )

    def revoke(self, tokens: Tokens) -> None:
        """In GitLab a refresh token is one record with its access token: to revoke one is to revoke both."""
        answer = self._asked(
            lambda client, sending: client.revoke_token(
                f"{self._url}/oauth/revoke", token=tokens.access.reveal(), **sending
            )
        )
        if answer.status_code != requests.codes.ok:
            raise self._status(answer.status_code)

    def _must_be_ours(self, tokens: Tokens) -> None:
        """Raises: RefusedError for a token that another application, or another scope, was given."""
        with self._session() as session:
            session.headers["Authorization"] = f"Bearer {tokens.access.reveal()}"
            answer = self._sent(lambda: session.get(f"{self._url}/oauth/token/info", **self._sending()))
        if answer.status_code != requests.codes.ok:
            raise self._status(answer.status_code)
        info = _object(answer)
        application = info.get("application")
        uid = application.get("uid") if isinstance(application, dict) else None
        scopes = info.get("scope")
        if uid != self._client_id or not isinstance(scopes, list) or SCOPE not in scopes:
            raise RefusedError(what="the token that came is not for this dashboard, and is not used", where=self._where)

    def _asked(self, ask: Callable[[Any, dict[str, object]], Any]) -> Any:
        """What Authlib makes of the answer. Raises: TransientError, RefusedError."""
        with self._session() as session:
            client = self._client(session)
            return self._sent(lambda: ask(client, self._sending()))

    def _sent(self, send: Callable[[], Any]) -> Any:
        try:
            return send()
        except AuthlibBaseError as error:
            raise self._error(error.error if isinstance(error.error, str) else "") from None
        except requests.HTTPError as error:
            raise self._status(error.response.status_code) from None
        except requests.exceptions.SSLError:
            raise RefusedError(
                what="its TLS certificate cannot be verified", where=self._where, remedy="Set gitlab.ca_file"
            ) from None
        except requests.RequestException:
            raise TransientError(what="cannot be reached, or does not answer in time", where=self._where) from None
        except (ValueError, TypeError, KeyError, RecursionError):
            raise self._nonsense() from None

    def _error(self, name: str) -> RefusedError:
        """The error behind one of OAuth's names."""
        if name == "invalid_client":
            remedy = "Compare dashboard.sign_in.client_id and its secret with the application in GitLab"
            return RefusedError(
                what="does not know the dashboard's application (invalid_client)", where=self._where, remedy=remedy
            )
        if name == "invalid_grant":
            return self._unwelcome("the code or token counts no more (invalid_grant)")
        known = (
            name if name in ("invalid_request", "invalid_scope", "unauthorized_client", "access_denied") else "refused"
        )
        return RefusedError(what=f"would not sign anybody in ({known})", where=self._where)

    def _status(self, status: int) -> RefusedError | TransientError:
        if status >= 500 or status in BUSY:
            return TransientError(what=f"{status} for a sign-in", where=self._where, status=status)
        return RefusedError(what=f"{status} for a sign-in", where=self._where, status=status)

    def _unwelcome(self, what: str) -> CredentialsError:
        return CredentialsError(what=what, where=self._where, remedy="Sign in again", status=401)

    def _nonsense(self) -> TransientError:
        return TransientError(what="answered in a form that is not GitLab's", where=self._where)

    def _read(self, given: Any) -> Tokens:
        """A token response in our own words. Raises: TransientError if it is none."""
        access, refresh = given.get("access_token"), given.get("refresh_token")
        kind, seconds = given.get("token_type"), given.get("expires_in")
        if not _is_token(access) or not isinstance(kind, str) or kind.lower() != "bearer":
            raise self._nonsense()
        known = isinstance(seconds, int) and not isinstance(seconds, bool) and seconds > 0
        return Tokens(
            access=Secret(access),
            refresh=Secret(refresh) if _is_token(refresh) else None,
            lasts=min(timedelta(seconds=min(seconds, int(LONGEST.total_seconds()))) if known else USUAL, LONGEST),
        )

    def _client(self, session: requests.Session | None) -> Any:
        return _Client(
            session,
            client_id=self._client_id,
            client_secret=self._secret.reveal(),
            token_endpoint_auth_method="client_secret_basic",  # noqa: S106  (the name of a method)
            redirect_uri=self._redirect_uri,
            scope=SCOPE,
            code_challenge_method="S256",
        )

    def _session(self) -> requests.Session:
        session = PlainSession(self._limits.answer)
        session.proxies = {"http": self._proxy, "https": self._proxy} if self._proxy else {}
        session.verify = self._verify
        session.headers.update({"User-Agent": "ropewalk", "Accept": "application/json"})
        session.hooks["response"].append(self._receive)
        return session

    def _sending(self) -> dict[str, Any]:
        return {"timeout": self._limits.silence, "allow_redirects": False, "stream": True}

    def _receive(self, answer: requests.Response, *_: object, **__: object) -> None:
        """Read an answer within bounds before any library looks at it; a redirect is none."""
        if 300 <= answer.status_code < 400:
            answer.close()
            raise RefusedError(
                what="answers with a redirect",
                where=self._where,
                remedy="Set gitlab.url to the address it redirects to",
            )
        content = bytearray()
        for part in answer.iter_content(8 * 1024):
            content += part
            if len(content) > self._limits.answer_bytes:
                answer.close()
                raise self._nonsense()
        answer._content = bytes(content)
        answer._content_consumed = True  # type: ignore[attr-defined]  # requests' own flag, untyped


class _Client(OAuth2Client):  # type: ignore[misc]  # ships no types
    """Authlib's client, over a session of ours."""

    client_auth_class = OAuth2ClientAuth
    SESSION_REQUEST_PARAMS = ("timeout", "allow_redirects", "stream")


def _is_token(value: object) -> bool:
    """Whether it can stand in a header."""
    return isinstance(value, str) and 0 < len(value) <= LONGEST_TOKEN and value.isascii() and value.isprintable()


def _object(answer: requests.Response) -> dict[str, Any]:
    """The body as a JSON object; an empty one for anything else."""
    try:
        value = json.loads(answer.content)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
