"""Secrets: a type that does not show itself, and the one function that takes secrets out of text.

Redaction is the last thing before any sink (log, terminal, note, database): it knows the secrets in use, in the forms
they travel in, and the shapes of tokens nobody told us about.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

HIDDEN = "[hidden]"
# Shorter values (a port, `1`, `main`) would blank out ordinary text; GitLab's own masking begins at 8 characters too.
SHORTEST_SECRET = 8

_SHAPES = re.compile(
    r"""
    (?:gl(?:pat|dt|cbt|ptt|rt|ft|soat|agent|imt|oas)-[A-Za-z0-9_\-.=]{8,}   # GitLab tokens
      |\bpypi-(?=[a-z_\-]*[A-Z0-9])[A-Za-z0-9_\-]{16,}                       # PyPI macaroons, not project names
      |whsec_[A-Za-z0-9+/=]{8,}                                              # webhook signing tokens
      |\beyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]*            # JWT
    )
    |-----BEGIN\ [A-Z\ ]*PRIVATE\ KEY-----.*?(?:-----END\ [A-Z\ ]*PRIVATE\ KEY-----|\Z)
    """,
    re.VERBOSE | re.DOTALL,
)
_USERINFO = re.compile(r"(?P<scheme>\b[a-z][a-z0-9+.\-]*://)[^/\s@?#\"'<>]+@", re.IGNORECASE)


class Secret:
    """A value that must not be seen. `repr`, `str` and formatting hide it; `reveal()` is the only way out."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself. Call it where it is used, never earlier."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret({HIDDEN})"

    def __str__(self) -> str:
        return HIDDEN

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a Secret is never pickled: pass its name, or reveal it into a pipe")


class Redactor:
    """Takes known secrets, in all their forms, and unknown ones of known shape out of text."""

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        self._forms: set[str] = set()
        self._known: re.Pattern[str] | None = None
        self.add(*secrets)

    def add(self, *secrets: Secret) -> None:
        """Learn more secrets. Values shorter than eight characters are ignored: no such value is maskable in GitLab."""
        for secret in secrets:
            value = secret.reveal()
            if len(value) >= SHORTEST_SECRET:
                self._forms.update(_forms(value))
        ordered = sorted(self._forms, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def redact(self, text: str) -> str:
        """`text` without secrets: each is replaced by `[hidden]`. URLs lose their credentials."""
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        text = _USERINFO.sub(rf"\g<scheme>{HIDDEN}@", text)
        return _SHAPES.sub(HIDDEN, text)


def _forms(value: str) -> set[str]:
    """The value raw, JSON-escaped, URL-quoted, hex and base64 (at each of the three alignments it can stand at)."""
    # An environment may hold bytes that are not UTF-8; Python carries them as surrogates.
    raw = value.encode(errors="surrogateescape")
    forms = {value, repr(value)[1:-1], repr(raw)[2:-1]}
    for escaped in (json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]):
        # Escaped twice: JSON within JSON, or within the `repr` of an exception that quotes a body.
        forms |= {
            escaped,
            json.dumps(escaped)[1:-1],
            json.dumps(escaped, ensure_ascii=False)[1:-1],
            repr(escaped)[1:-1],
        }
    forms |= {quote(raw, safe=""), quote(raw), quote_plus(raw), raw.hex(), raw.hex().upper()}
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for shift in range(3):
            # Only the digits that do not depend on the neighbours: 4 digits per whole triple of the secret's own bytes.
            encoded = encode(b"\0" * shift + raw).decode().rstrip("=")
            first = -(-shift * 8 // 6)
            last = (shift + len(raw)) * 8 // 6
            if last - first >= SHORTEST_SECRET:
                forms.add(encoded[first:last])
    return forms
