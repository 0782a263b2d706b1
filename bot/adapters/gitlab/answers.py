"""What stands in an answer's headers and errors, read without ever failing: the other side may send anything."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import parse_qsl, urljoin, urlsplit

import requests
from gitlab.exceptions import GitlabError

LONGEST_WAIT = 86_400.0  # seconds; whoever asks for more is asked again after a day


def parse_retry(text: str | None, now: datetime) -> timedelta | None:
    """`Retry-After` as GitLab and proxies write it: seconds, decimals, or a date of the clock that says `now`.

    Nonsense and the past are None.
    """
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        date = parse_date(text)
        if date is None:
            return None
        seconds = (date - now).total_seconds()
    return timedelta(seconds=min(seconds, LONGEST_WAIT)) if seconds > 0 else None


def parse_time(text: object) -> datetime | None:
    """A time of GitLab's as UTC; None for none or nonsense."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):  # OverflowError: a zone that leads out of the years 1 to 9999
        return None


def parse_date(text: str | None) -> datetime | None:
    """An HTTP date as UTC; None for none or nonsense."""
    if not text:
        return None
    try:
        moment = parsedate_to_datetime(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError, TypeError, IndexError):  # what the standard library raises for odd dates
        return None


def next_query(response: requests.Response) -> dict[str, str] | None:
    """The query of the next page, from `Link`, else from `X-Next-Page`; None on the last page.

    Only the query: the host stays ours. Raises: ValueError if there is a next page whose address cannot be read.
    """
    url = response.links.get("next", {}).get("url")
    if url is not None:
        query = dict(parse_qsl(urlsplit(url).query))
        if not query:
            raise ValueError("the next page has no query")
        return query
    page = response.headers.get("X-Next-Page", "")
    return {"page": page} if page.isascii() and page.isdigit() else None


def redirect_target(base: str, location: str) -> str | None:
    """The absolute address a redirect leads to; None for one that is no address."""
    try:
        target = urljoin(base, location)
        parts = urlsplit(target)
        _ = parts.port  # raises for a port that is none
    except ValueError:
        return None
    return target if location and parts.scheme in {"http", "https"} and parts.hostname else None


def origin(url: str) -> str:
    """Scheme, host and port of an address, without credentials."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{host(url)}"


def host(url: str) -> str:
    """Host and port of an address, without credentials."""
    return urlsplit(url).netloc.rpartition("@")[2]


def message(error: GitlabError) -> str:
    """What GitLab said about its refusal: its JSON's `message` or `error`, or a plain text; nothing of a web page."""
    said: object = error.error_message
    if isinstance(said, bytes):
        text = said.decode("utf-8", "replace")
        return "" if "<html" in text.lower() else text
    return said if isinstance(said, str) else json.dumps(said)


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttle:
    """What `RateLimit-*` says of one throttle: `observed` and `remaining` requests of the window that ends in `reset`.

    `scaled` is `RateLimit-Limit`: the window's limit scaled to 60 seconds and rounded up, None if absent.
    Source: lib/gitlab/rack_attack/request_throttle_data.rb.
    """

    name: str
    observed: int
    remaining: int
    reset: timedelta
    scaled: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the API budget needs to know of an answer. `retry_after` is None where nothing usable was said.

    `plain` says that the body is not JSON: a 429 with JSON comes from one endpoint's own limit, any other from a
    throttle, or from a proxy, in front of all endpoints.
    """

    status: int
    plain: bool
    retry_after: timedelta | None
    throttle: Throttle | None


def read_answer(status: int, headers: Mapping[str, str], now: datetime) -> Answer:
    """The limits that an answer tells of. `now` is GitLab's clock; header names ignore case."""
    return Answer(
        status=status,
        plain="json" not in headers.get("Content-Type", "").lower(),
        retry_after=parse_retry(headers.get("Retry-After"), now),
        throttle=_throttle(headers, parse_date(headers.get("Date")) or now),
    )


def _throttle(headers: Mapping[str, str], now: datetime) -> Throttle | None:
    observed, remaining, reset, scaled = (
        _count(headers.get(f"RateLimit-{name}")) for name in ("Observed", "Remaining", "Reset", "Limit")
    )
    if observed is None or remaining is None or reset is None:
        return None
    left = reset - now.timestamp()
    if not 0 < left <= LONGEST_WAIT:
        return None  # a clock that was set meanwhile, or nonsense
    name = headers.get("RateLimit-Name", "")
    return Throttle(
        name=name, observed=observed, remaining=remaining, reset=timedelta(seconds=left), scaled=scaled or None
    )


def _count(text: str | None) -> int | None:
    """A whole number of at most 15 digits."""
    return int(text) if text is not None and re.fullmatch(r"[0-9]{1,15}", text) else None
