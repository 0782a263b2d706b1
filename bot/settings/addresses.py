"""URLs and files of state, as the configuration gives them: checked, and brought to one form."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from bot.settings.model import SqliteState
from bot.settings.problems import listed

_PROXY_SCHEMES = frozenset({"http", "https", "socks5", "socks5h"})


def _split(text: str, schemes: frozenset[str]) -> SplitResult:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise ValueError("is not a URL") from None
    if parts.scheme not in schemes or not parts.hostname:
        raise ValueError(f"must be a URL that begins with {listed(f'{s}://' for s in sorted(schemes))} and a host")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not carry credentials")
    if parts.query or parts.fragment or any(c.isspace() for c in text):
        raise ValueError("must have no query, fragment or spaces")
    return parts


def is_loopback(host: str) -> bool:
    """Whether a host name or address can only mean this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def web_url(text: str) -> tuple[str, bool]:
    """An http or https URL without slash at its end, and whether what is sent there is safe from eavesdroppers.

    Raises: ValueError with a sentence's end ("must …").
    """
    parts = _split(text, frozenset({"http", "https"}))
    return text.rstrip("/"), parts.scheme == "https" or is_loopback(parts.hostname or "")


def proxy_url(text: str) -> str:
    """A proxy's URL.

    Raises: ValueError with a sentence's end ("must …").
    """
    _split(text, _PROXY_SCHEMES)
    return text


def sqlite_state(text: str, folder: Path, files: Path | None = None) -> SqliteState:
    """`sqlite:///relative.db` (to `folder`) or `sqlite:////absolute.db`, as SQLAlchemy writes it.

    Raises: ValueError with a sentence's end ("must …").
    """
    rest = text.removeprefix("sqlite:///")
    plain = unquote(rest)
    if (
        rest == text
        or not plain.strip("/")
        or ":memory:" in rest
        or any(c in "?#" for c in rest)
        or not plain.isprintable()
    ):
        raise ValueError(
            "must be `sqlite:///FILE`, relative to this file, `sqlite:////FILE` for an absolute path, "
            "or `postgresql://USER@HOST/DATABASE`"
        )
    if plain.endswith("/"):
        raise ValueError("names a folder; name a file in it, for example `ropewalk.db`")
    return SqliteState(path=folder / plain, own_files=files)
