"""One way to speak to GitLab: python-gitlab's HTTP layer with everything it leaves open closed.

Bearer token (requests drops it across hosts, PRIVATE-TOKEN it would keep), no redirects, no retries in place (waiting
belongs to the engine), a total deadline and a cap on every answer, and only our own errors leave.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import gitlab
import requests
from gitlab.exceptions import GitlabAuthenticationError, GitlabError

from bot.adapters.meter import Meter
from bot.domain.errors import CredentialsError, RefusedError, TransientError
from bot.domain.secrets import Redactor, Secret

TIMEOUT = 20.0  # seconds without a byte
DEADLINE = 60.0  # seconds for a whole answer
MOST_BYTES = 64 * 1024 * 1024
MOST_PAGES = 2_000
PER_PAGE = 100
LONGEST_WORDS = 300

Json = Any  # what json.loads gives; every adapter module turns it into our own types at once
Parameters = Mapping[str, str | int | bool]


class Api:
    """GitLab's REST and GraphQL for one token. Safe to share: each thread gets a client of its own."""

    def __init__(
        self,
        *,
        url: str,
        token: Secret,
        redactor: Redactor,
        meter: Meter,
        ca_file: str | None = None,
        proxy: str | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self.where = urlsplit(self.url).netloc
        self._token = token
        self._redactor = redactor
        self._meter = meter
        self._verify: bool | str = ca_file or True
        self._proxy = proxy
        self._local = threading.local()
        self._clock: tuple[datetime, float] | None = None

    def get(self, path: str, **parameters: str | int | bool) -> Json | None:
        """GET one thing; None if it is not there (404)."""
        response = self._request("get", path, parameters, None, missing=True)
        return None if response is None else self._json(response)

    def text(self, path: str, **parameters: str | int | bool) -> str | None:
        """GET a text; None if it is not there."""
        response = self._request("get", path, parameters, None, missing=True)
        return None if response is None else response.content.decode("utf-8", "replace")

    def pages(self, path: str, **parameters: str | int | bool) -> Iterator[Json]:
        """All rows of a list, following the answer's own `Link`, but only ever to the same path.

        Raises: RefusedError if the list is not there or its paging runs in a circle.
        """
        query: dict[str, str | int | bool] = {"per_page": PER_PAGE, **parameters}
        seen: set[tuple[tuple[str, str], ...]] = set()
        for _ in range(MOST_PAGES):
            response = self._request("get", path, query, None)
            assert response is not None, "only an allowed 404 gives None"
            rows = self._json(response)
            if not isinstance(rows, list):
                raise TransientError(what=f"GET {path} did not answer with a list", where=self.where)
            yield from rows
            following = _next_query(response)
            if following is None:
                return
            mark = tuple(sorted(following.items()))
            if mark in seen:
                break
            seen.add(mark)
            query = {**query, **following}
        raise RefusedError(what=f"the pages of {path} have no end", where=self.where)

    def send(self, method: str, path: str, body: Mapping[str, Json]) -> Json:
        """POST, PUT or DELETE. Raises RefusedError with `status` for what GitLab refuses, 404 included."""
        response = self._request(method, path, {}, body)
        assert response is not None, "only an allowed 404 gives None"
        if response.status_code == 204 or not response.content:
            return None
        return self._json(response)

    def graphql(self, query: str, variables: Mapping[str, Json]) -> dict[str, Json]:
        """The `data` of a query. Its errors come with HTTP 200 and are RefusedError here, time-outs TransientError."""
        body = {"query": query, "variables": dict(variables)}
        response = self._request("post", f"{self.url}/api/graphql", {}, body)
        assert response is not None, "only an allowed 404 gives None"
        answer = self._json(response)
        errors = answer.get("errors") if isinstance(answer, dict) else None
        if errors:
            said = self._words("; ".join(str(e.get("message")) for e in errors if isinstance(e, dict)))
            if "timeout" in said.lower():
                # GitLab tells a time-out by this word alone (`Timeout on Project.x`); a wrong guess only means a retry.
                raise TransientError(what=f"GraphQL: {said}", where=self.where)
            raise RefusedError(what=f"GraphQL: {said}", where=self.where)
        data = answer.get("data") if isinstance(answer, dict) else None
        if not isinstance(data, dict):
            raise TransientError(what="GraphQL answered without data", where=self.where)
        return data

    def now(self) -> datetime | None:
        """GitLab's clock: the newest `Date` header plus the time since; None before any answer had one."""
        if self._clock is None:
            return None
        date, mono = self._clock
        return date + timedelta(seconds=time.monotonic() - mono)

    def download_session(self) -> tuple[requests.Session, dict[str, str]]:
        """A bare session for downloads, and the header that authenticates its first hop only."""
        self._meter.tick()
        session = requests.Session()
        session.trust_env = False
        session.verify = self._verify
        session.proxies = self._proxies()
        return session, {"Authorization": f"Bearer {self._token.reveal()}"}

    def refused(self, status: int, said: str, what: str, retry_after: str | None) -> RefusedError | TransientError:
        """The error that stands for an HTTP status."""
        words = self._words(said)
        tail = f" ({words})" if words else ""
        if status == 401:
            return CredentialsError(
                what=f"refuses the token: 401 for {what}{tail}",
                where=self.where,
                remedy="Check that it is not expired or revoked (`ropewalk doctor`)",
                status=status,
            )
        if status == 403:
            return CredentialsError(
                what=f"403 for {what}{tail}",
                where=self.where,
                remedy="The token's role or scopes do not allow it (`ropewalk doctor`)",
                status=status,
            )
        if status == 429 or status >= 500 or status == 408:
            return TransientError(
                what=f"{status} for {what}{tail}", where=self.where, retry_after=parse_retry(retry_after), status=status
            )
        return RefusedError(what=f"{status} for {what}{tail}", where=self.where, status=status)

    def unreachable(self, error: requests.RequestException) -> TransientError | RefusedError:
        """The error that stands for a failed exchange. The library's own text may hold headers: it is not repeated."""
        if isinstance(error, requests.TooManyRedirects):
            return RefusedError(
                what="answers with a redirect", where=self.where, remedy="Set gitlab.url to the address it redirects to"
            )
        if isinstance(error, requests.exceptions.SSLError):
            return RefusedError(
                what="its TLS certificate cannot be verified", where=self.where, remedy="Set gitlab.ca_file"
            )
        if isinstance(error, requests.Timeout):
            return TransientError(what="no answer in time", where=self.where)
        return TransientError(what="cannot be reached", where=self.where)

    def _request(
        self, method: str, path: str, query: Parameters, body: Mapping[str, Json] | None, *, missing: bool = False
    ) -> requests.Response | None:
        self._meter.tick()
        what = f"{method.upper()} {path.removeprefix(self.url)}"
        try:
            return self._client().http_request(
                method,
                path,
                query_data={k: _plain(v) for k, v in query.items()},
                post_data=None if body is None else dict(body),
                streamed=True,
                obey_rate_limit=False,
                retry_transient_errors=False,
                max_retries=0,
            )
        except (GitlabAuthenticationError, GitlabError) as error:
            status = error.response_code or 0
            if status == 404 and missing:
                return None
            raise self.refused(status, _message(error), what, self._local.retry_after) from None
        except requests.RequestException as error:
            raise self.unreachable(error) from None

    def _json(self, response: requests.Response) -> Json:
        try:
            return json.loads(response.content)
        except (ValueError, RecursionError):
            kind = self._words(response.headers.get("Content-Type", "nothing"))
            raise TransientError(
                what=f"answered with {kind} that is not JSON: is this a GitLab, and is it up?", where=self.where
            ) from None

    def _client(self) -> gitlab.Gitlab:
        client: gitlab.Gitlab | None = getattr(self._local, "client", None)
        if client is None:
            session = requests.Session()
            session.trust_env = False
            session.max_redirects = 0
            session.proxies = self._proxies()
            session.hooks["response"].append(self._receive)
            client = self._local.client = gitlab.Gitlab(
                self.url,
                oauth_token=self._token.reveal(),
                ssl_verify=self._verify,
                timeout=TIMEOUT,
                keep_base_url=True,
                session=session,
                user_agent="ropewalk",
            )
        return client

    def _proxies(self) -> dict[str, str]:
        return {"http": self._proxy, "https": self._proxy} if self._proxy else {}

    def _receive(self, response: requests.Response, *_: object, **__: object) -> None:
        """Read every answer ourselves, within bounds: a slow drip and a compressed bomb both end here."""
        self._local.retry_after = response.headers.get("Retry-After")
        date = _date(response.headers.get("Date"))
        if date is not None:
            self._clock = (date, time.monotonic())
        response._content = _bounded(response)
        response._content_consumed = True  # type: ignore[attr-defined]  # requests' own flag, untyped

    def _words(self, text: str) -> str:
        """What the other side said: redacted, on one line, at a length a person reads."""
        line = " ".join(re.sub(r"[^\x20-\x7e\xa0-\u1fff\u2030-\ud7ff]", " ", text).split())
        return self._redactor.redact(line)[:LONGEST_WORDS]


def parse_retry(text: str | None) -> timedelta | None:
    """`Retry-After` as GitLab and proxies write it: seconds, decimals, a date; nonsense and the past are None."""
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        date = _date(text)
        if date is None:
            return None
        seconds = (date - datetime.now(UTC)).total_seconds()
    return timedelta(seconds=min(seconds, 86_400.0)) if seconds > 0 else None


def parse_time(text: str | None) -> datetime | None:
    """A time of GitLab's as UTC; None for none or nonsense."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _bounded(response: requests.Response) -> bytes:
    until = time.monotonic() + DEADLINE
    parts: list[bytes] = []
    size = 0
    for part in response.iter_content(64 * 1024):
        parts.append(part)
        size += len(part)
        if size > MOST_BYTES or time.monotonic() > until:
            response.close()
            raise requests.Timeout("the answer is too long or too slow")
    return b"".join(parts)


def _next_query(response: requests.Response) -> dict[str, str] | None:
    """The query of the next page: from `Link`, else from `X-Next-Page`."""
    url = response.links.get("next", {}).get("url")
    if url:
        return dict(parse_qsl(urlsplit(url).query))
    page = response.headers.get("X-Next-Page", "")
    return {"page": page} if page.isdigit() else None


def _plain(value: str | int | bool) -> str | int:
    return ("true" if value else "false") if isinstance(value, bool) else value


def _message(error: GitlabError) -> str:
    said: object = error.error_message
    if isinstance(said, bytes):
        text = said.decode("utf-8", "replace")
        return "" if "<html" in text.lower() else text
    return said if isinstance(said, str) else json.dumps(said)


def _date(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
