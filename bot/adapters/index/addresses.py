"""Whose an address is, as the library that connects reads it.

Two parsers need not agree: of `http://evil\\@index/` the standard library says that the host is `index`, and urllib3
goes to `evil`. Who compares by one and connects by the other sends our credentials to anybody who can write a link. So
the parser that connects decides, and an address that the two read differently is nobody's.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

Origin = tuple[str, str, int]
_PORTS = {"http": 80, "https": 443}


def origin(url: str) -> Origin | None:
    """Scheme, host and port of an http or https address; None for one that is none, is odd, or carries a user name."""
    if "\\" in url or any(not character.isprintable() or character.isspace() for character in url):
        return None
    try:
        plain, used = urlsplit(url), parse_url(url)
        port = plain.port
    except (ValueError, LocationParseError):
        return None
    scheme, host = used.scheme, used.host
    if scheme not in _PORTS or not host or used.auth is not None or plain.username is not None:
        return None
    if (plain.scheme, plain.hostname, port) != (scheme, host.strip("[]").lower(), used.port):
        return None
    return scheme, host.lower(), used.port or _PORTS[scheme]


def same_origin(one: str, other: str) -> bool:
    """Whether two addresses are of one origin; what is nobody's is of none."""
    found = origin(one)
    return found is not None and found == origin(other)
