"""One way to speak to GitLab: python-gitlab's HTTP layer with everything it leaves open closed.

Bearer token (requests drops it across hosts, PRIVATE-TOKEN it would keep), no redirects, no retries in place (waiting
belongs to the engine), a total deadline and a cap on every answer, and only our own errors leave.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import gitlab
import requests
from gitlab.exceptions import GitlabError
from urllib3.exceptions import ReadTimeoutError

from bot.adapters.clock import utc_now
from bot.adapters.gitlab.answers import (
    Answer,
    host,
    message,
    next_query,
    origin,
    parse_date,
    parse_retry,
    read_answer,
    redirect_target,
)
from bot.adapters.gitlab.asking import Asking
from bot.adapters.gitlab.bounds import LIMITS, Limits
from bot.adapters.gitlab.budget import Budget
from bot.adapters.gitlab.transport import PlainSession
from bot.adapters.gitlab.writing import OnWrite, told_of
from bot.adapters.meter import Meter
from bot.domain.errors import CredentialsError, PutOffError, RefusedError, TransientError
from bot.domain.secrets import Redactor, Secret
from bot.ports.spans import UNHEARD, Spans

PER_PAGE = 100
LONGEST_WORDS = 300

Json = Any  # what json.loads gives; every adapter module turns it into our own types at once
Parameters = Mapping[str, str | int | bool]
T = TypeVar("T")


class Api:
    """GitLab's REST and GraphQL for one token. Safe to share: each thread gets a client of its own."""

    def __init__(
        self,
        *,
        url: str,
        token: Secret,
        redactor: Redactor,
        meter: Meter,
        budget: Budget | None = None,
        ca_file: str | None = None,
        proxy: str | None = None,
        limits: Limits = LIMITS,
        on_write: OnWrite | None = None,
        spans: Spans = UNHEARD,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """`clock` is the one that `ahead` speaks of."""
        self.url = url.rstrip("/")
        self.where = host(self.url)
        self.limits = limits
        self._our_clock = clock
        self._on_write = on_write
        self._token = token
        self._redactor = redactor
        self.budget = budget or Budget(self.url)
        self.asking = Asking(self.budget, meter, spans)
        self._verify: bool | str = ca_file or True
        self._proxy = proxy
        self._local = threading.local()
        self._clock: tuple[datetime, float] | None = None
        self._answered = False

    def read(self, convert: Callable[[Json], T], row: Json) -> T:
        """A row in our own words. Raises: TransientError if it is not of the form that GitLab promises."""
        try:
            return convert(row)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise TransientError(
                what="answered in a form that is not GitLab's: is this a GitLab, and is it up?", where=self.where
            ) from None

    def get(self, path: str, **parameters: str | int | bool) -> Json | None:
        """GET one thing; None if it is not there (404)."""
        response = self._request("get", path, parameters, None, missing=True)
        return None if response is None else self._json(response)

    def text(self, path: str, **parameters: str | int | bool) -> str | None:
        """GET a text; None if it is not there."""
        response = self._request("get", path, parameters, None, missing=True)
        return None if response is None else response.content.decode("utf-8", "replace")

    def pages(self, path: str, /, **parameters: str | int | bool) -> Iterator[Json]:
        """All rows of a list, following the answer's own `Link`, but only ever to the same path.

        Raises: RefusedError if the list is not there or its paging runs in a circle.
        """
        query: dict[str, str | int | bool] = {"per_page": PER_PAGE, **parameters}
        seen: set[tuple[tuple[str, str], ...]] = set()
        for _ in range(self.limits.pages):
            response = self._request("get", path, query, None)
            assert response is not None, "only an allowed 404 gives None"
            rows = self._json(response)
            if not isinstance(rows, list):
                raise TransientError(what=f"GET {path} did not answer with a list", where=self.where)
            yield from rows
            try:
                following = next_query(response)
            except ValueError:  # a list without its rest would pass for the whole
                raise TransientError(
                    what=f"the next page of {path} has no readable address", where=self.where
                ) from None
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
        with self.writing(method, path):
            response = self._request(method, path, {}, body)
        assert response is not None, "only an allowed 404 gives None"
        if response.status_code == 204 or not response.content:
            return None
        return self._json(response)

    def writing(self, method: str, path: str) -> AbstractContextManager[None]:
        """Around a request that changes something and is sent by other means."""
        return told_of(self._on_write, method, path)

    def graphql(self, query: str, variables: Mapping[str, Json]) -> dict[str, Json]:
        """The `data` of a query. Its errors come with HTTP 200 and are RefusedError here, time-outs TransientError."""
        body = {"query": query, "variables": dict(variables)}
        response = self._request("post", f"{self.url}/api/graphql", {}, body)
        assert response is not None, "only an allowed 404 gives None"
        answer = self._json(response)
        errors = answer.get("errors") if isinstance(answer, dict) else None
        if errors:
            listed = errors if isinstance(errors, list) else [errors]
            said = self._words("; ".join(str(e.get("message")) for e in listed if isinstance(e, dict)))
            if "timeout" in said.lower():
                # GitLab tells a time-out by this word alone (`Timeout on Project.x`); a wrong guess only means a retry.
                raise TransientError(what=f"GraphQL: {said}", where=self.where)
            raise RefusedError(what=f"GraphQL: {said}", where=self.where)
        data = answer.get("data") if isinstance(answer, dict) else None
        if not isinstance(data, dict):
            raise TransientError(what="GraphQL answered without data", where=self.where)
        return data

    @property
    def answered(self) -> bool:
        """Whether there was any answer yet."""
        return self._answered

    def now(self) -> datetime | None:
        """GitLab's clock: the newest `Date` header plus the time since; None before any answer had one."""
        if self._clock is None:
            return None
        date, mono = self._clock
        return date + timedelta(seconds=time.monotonic() - mono)

    def ahead(self) -> timedelta:
        """By how much our clock is ahead of GitLab's, to the second; nought where no answer had a `Date`."""
        there = self.now()
        return timedelta() if there is None else self._our_clock() - there

    def download_session(self) -> tuple[requests.Session, dict[str, str]]:
        """A bare session for downloads, and the header that authenticates its first hop only."""
        session = self._session(self.limits.download)
        session.verify = self._verify
        session.headers["Accept-Encoding"] = "identity"  # archives are packed already, and their length can be checked
        return session, {"Authorization": f"Bearer {self._token.reveal()}"}

    def answer(self, response: requests.Response) -> Answer:
        """What the budget needs to know of an answer."""
        return read_answer(response.status_code, response.headers, self.now() or datetime.now(UTC))

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
            wait = parse_retry(retry_after, self.now() or datetime.now(UTC))
            kind = PutOffError if status == 429 else TransientError
            return kind(what=f"{status} for {what}{tail}", where=self.where, retry_after=wait, status=status)
        return RefusedError(what=f"{status} for {what}{tail}", where=self.where, status=status)

    def unreachable(self, error: requests.RequestException, where: str | None = None) -> TransientError | RefusedError:
        """The error that stands for a failed exchange. The library's own text may hold headers: it is not repeated."""
        remedy = "" if where else "If it stays so, check gitlab.url, its name in DNS, and gitlab.proxy"
        where = where or self.where
        if isinstance(error, requests.exceptions.SSLError):
            return RefusedError(what="its TLS certificate cannot be verified", where=where, remedy="Set gitlab.ca_file")
        # A body that does not come is a ConnectionError to requests; only the cause tells.
        if isinstance(error, requests.Timeout) or any(isinstance(cause, ReadTimeoutError) for cause in error.args):
            return TransientError(what="no answer in time", where=where)
        if isinstance(error, (requests.exceptions.ChunkedEncodingError, requests.exceptions.ContentDecodingError)):
            return TransientError(what="the answer broke off", where=where)
        return TransientError(what="cannot be reached", where=where, remedy=remedy)

    def _request(
        self, method: str, path: str, query: Parameters, body: Mapping[str, Json] | None, *, missing: bool = False
    ) -> requests.Response | None:
        what = f"{method.upper()} {path.removeprefix(self.url)}"
        with self.asking.request(method, path) as asked:
            self._local.answer = None
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
            except GitlabError as error:
                if error.response_code == 404 and missing:
                    return None
                raise self.refused(error.response_code or 0, message(error), what, self._local.retry_after) from None
            except RecursionError:  # the refusal's JSON is too deep to be read, and not worth it
                if self._local.status == 404 and missing:
                    return None
                raise self.refused(self._local.status, "", what, self._local.retry_after) from None
            except requests.RequestException as error:
                raise self.unreachable(error) from None
            finally:
                asked.answer = self._local.answer

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
            session = self._session(self.limits.answer)
            session.hooks["response"].append(self._receive)
            client = self._local.client = gitlab.Gitlab(
                self.url,
                oauth_token=self._token.reveal(),
                ssl_verify=self._verify,
                timeout=self.limits.silence,
                keep_base_url=True,
                session=session,
                user_agent="ropewalk",
            )
        return client

    def _session(self, deadline: float) -> requests.Session:
        session = PlainSession(deadline)
        session.proxies = {"http": self._proxy, "https": self._proxy} if self._proxy else {}
        return session

    def _receive(self, response: requests.Response, *_: object, **__: object) -> None:
        """Read every answer ourselves, within bounds, before any library looks at it."""
        self._answered = True
        self._local.status = response.status_code
        self._local.retry_after = response.headers.get("Retry-After")
        date = parse_date(response.headers.get("Date"))
        if date is not None:
            self._clock = (date, time.monotonic())
        self._local.answer = self.answer(response)
        if 300 <= response.status_code < 400:
            response.close()
            raise self._redirected(response)
        response._content = self._bounded(response)
        response._content_consumed = True  # type: ignore[attr-defined]  # requests' own flag, untyped

    def _redirected(self, response: requests.Response) -> RefusedError:
        target = redirect_target(response.url, response.headers.get("Location", ""))
        status = response.status_code
        if target is not None and origin(target) == origin(self.url):
            # Source: doc/api/rest/_index.md, "Redirects": a project or group that was renamed or moved.
            what, remedy = f"{status}: what was asked for has moved", "Name the project or group by its new path"
        else:
            to = "" if target is None else f" to {self._words(origin(target))}"
            what, remedy = f"answers with a redirect{to}", "Set gitlab.url to the address it redirects to"
        return RefusedError(what=what, where=self.where, remedy=remedy, status=status)

    def _bounded(self, response: requests.Response) -> bytes:
        parts: list[bytes] = []
        size, most = 0, self.limits.answer_bytes
        for part in response.iter_content(64 * 1024):
            parts.append(part)
            size += len(part)
            if size > most:
                response.close()
                raise RefusedError(what=f"the answer is larger than {most} bytes", where=self.where)
        return b"".join(parts)

    def _words(self, text: str) -> str:
        """What the other side said: redacted, on one line, at a length a person reads."""
        line = " ".join(re.sub(r"[^\x20-\x7e\xa0-\u1fff\u2030-\ud7ff]", " ", text).split())
        return self._redactor.redact(line)[:LONGEST_WORDS]


def _plain(value: str | int | bool) -> str | int:
    return ("true" if value else "false") if isinstance(value, bool) else value
