"""What browsers send: forms within bounds, addresses that stay here, and whether a form is one of ours."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import ClientDisconnect, Request

MOST_BYTES = 16 * 1024
MOST_FIELDS = 20
LONGEST_NEXT = 2_000
HOME = "/"
_FORM = "application/x-www-form-urlencoded"
_PRINTABLE = re.compile(r"[\x21-\x5b\x5d-\x7e]*")
"""ASCII without spaces, control characters, and the backslash that browsers take for a slash."""
_DOOR = ("/sign-in", "/sign-out")


def local_path(text: str | None) -> str:
    """The path and query of one of our pages that somebody asked for, else the first page.

    Whatever a browser might take for an address elsewhere is not taken.
    """
    if text is None or len(text) > LONGEST_NEXT or not _PRINTABLE.fullmatch(text):
        return HOME
    if not text.startswith("/") or text.startswith("//"):
        return HOME
    try:
        parts = urlsplit(text)
    except ValueError:
        return HOME
    if parts.scheme or parts.netloc or parts.fragment or parts.path.startswith(_DOOR):
        return HOME
    return text


def read_pairs(text: str) -> dict[str, str] | None:
    """Names and values; None if they are too many, too long, no UTF-8, or if a name comes twice."""
    if len(text) > MOST_BYTES:
        return None
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
    except ValueError:
        return None
    found = dict(pairs)
    return found if len(found) == len(pairs) else None


def read_query(request: Request) -> dict[str, str] | None:
    """The query of an address; None as above."""
    return read_pairs(request.scope["query_string"].decode("latin-1"))


async def read_form(request: Request) -> dict[str, str] | None:
    """A form's fields; None as above, or if it is none. Nobody makes us hold more than a form may have."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        return None
    body = bytearray()
    try:
        async for part in request.stream():
            body += part
            if len(body) > MOST_BYTES:
                return None
        return read_pairs(body.decode("ascii"))
    except (ClientDisconnect, UnicodeDecodeError):
        return None


def from_here(headers: Mapping[str, str], origin: str) -> bool:
    """Whether a browser says that a page of ours sent the form.

    `Origin` is ours, or, where a browser hides it, `Sec-Fetch-Site` says that it is. No script can set either.
    Source: https://fetch.spec.whatwg.org/#origin-header, https://w3c.github.io/webappsec-fetch-metadata/.
    """
    sent, site = headers.get("origin"), headers.get("sec-fetch-site")
    if site not in (None, "same-origin"):
        return False
    if sent in (None, "null"):
        return site == "same-origin"
    return sent == origin


def same(one: str | None, other: str) -> bool:
    """Whether two words are the same, told in a time that does not depend on them."""
    return one is not None and hmac.compare_digest(one.encode("utf-8", "surrogatepass"), other.encode())
