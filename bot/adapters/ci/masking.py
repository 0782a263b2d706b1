"""Recognises credentials in text by their shape, and takes them out before anything else of us sees the text."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from bot.domain.secrets import HIDDEN

# What each kind of token begins with. Source: GitLab, doc/security/tokens; PyPI, "macaroons"; the issuers' own pages.
_PREFIXES = {
    "glpat-": "a GitLab access token",
    "gldt-": "a GitLab deploy token",
    "glptt-": "a GitLab trigger token",
    "glrt-": "a GitLab runner token",
    "glcbt-": "a GitLab job token",
    "glft-": "a GitLab feed token",
    "glsoat-": "a GitLab SCIM token",
    "glagent-": "a GitLab agent token",
    "glimt-": "a GitLab mail token",
    "gloas-": "a GitLab OAuth secret",
    "pypi-": "a PyPI API token",
    "ghp_": "a GitHub token",
    "gho_": "a GitHub token",
    "ghs_": "a GitHub token",
    "github_pat_": "a GitHub token",
    "npm_": "an npm token",
    "dckr_pat_": "a Docker Hub token",
    "whsec_": "a webhook signing token",
    "AKIA": "an AWS access key",
    "AIza": "a Google API key",
    "xoxb-": "a Slack token",
    "xoxp-": "a Slack token",
}
_ENCODED = ", encoded"
URL_FORM = "a password in a URL"
_RAW = {
    prefix: rf"(?<![A-Za-z0-9]){re.escape(prefix)}(?=[A-Za-z_.\-]*[A-Z0-9])[A-Za-z0-9_.=\-]{{12,}}"
    for prefix in _PREFIXES
}
_HEXADECIMAL = re.compile(r"(?:[0-9]*[a-f]|[0-9]*[A-F])[0-9a-fA-F]{20,}")
_SHORTEST = 16  # characters of anything below but a password in a URL
_RANDOM = re.compile(r"[A-Za-z0-9+_=%\\~\-]{16,}")
_OTHERS = {
    "a JSON web token": ("eyJ", r"\beyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}(?:\.[A-Za-z0-9_\-]*)?"),
    "a private key": ("-----BEGIN", r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?:.*?-----END [A-Z ]*PRIVATE KEY-----|.*)"),
    URL_FORM: ("://", r"(?<=://)[^/\s@:$?#\"'<>]*:[^/\s@?#\"'<>$]+(?=@)"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """One kind of credential; without one of its `needles` a text has none of it, which is quickly seen."""

    form: str
    needles: tuple[str, ...]
    pattern: re.Pattern[str]


def _encoded(prefix: str, form: str) -> _Kind:
    """The token in base64 or hexadecimal: the digits that stand for its prefix, then more of them."""
    raw = prefix.encode()
    digits = base64.b64encode(raw).decode()[: len(raw) * 4 // 3]
    low, high = raw.hex(), raw.hex().upper()
    pattern = rf"{re.escape(digits)}[A-Za-z0-9+/_\-]{{16,}}={{0,2}}|{low}[0-9a-f]{{24,}}|{high}[0-9A-F]{{24,}}"
    return _Kind(form=f"{form}{_ENCODED}", needles=(digits, low, high), pattern=re.compile(pattern))


_KINDS = (
    *(
        _Kind(form=form, needles=(needle,), pattern=re.compile(pattern, re.DOTALL))
        for form, (needle, pattern) in _OTHERS.items()
    ),
    *(_Kind(form=form, needles=(prefix,), pattern=re.compile(_RAW[prefix])) for prefix, form in _PREFIXES.items()),
    # Shorter prefixes happen by chance.
    *(_encoded(prefix, form) for prefix, form in _PREFIXES.items() if len(prefix) >= 5),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A credential found by its shape: where it stands in the text, and what it is."""

    start: int
    end: int
    form: str


def find_shapes(text: str) -> Iterator[Shape]:
    """The credentials in a text, in no order; one place may be found twice."""
    for kind in _KINDS:
        for needle in kind.needles:
            if needle in text:
                for match in kind.pattern.finditer(text):
                    yield Shape(start=match.start(), end=match.end(), form=kind.form)
                break


def distinct_shapes(text: str) -> list[Shape]:
    """The credentials in a text, in order, one place once: of several that overlap, that which says most of it."""
    groups: list[list[Shape]] = []
    end = -1
    for shape in sorted(find_shapes(text), key=lambda one: one.start):
        if shape.start < end:
            groups[-1].append(shape)
        else:
            groups.append([shape])
        end = max(end, shape.end)
    return [min(group, key=lambda one: (one.form == URL_FORM, one.form.endswith(_ENCODED))) for group in groups]


def mask(text: str) -> str:
    """`text` with `[hidden]` for everything that has the shape of a credential or looks drawn at random."""
    if len(text) < _SHORTEST and "://" not in text:
        return text
    spans = sorted((shape.start, -shape.end) for shape in find_shapes(text))
    for start, end in _distinct(spans):
        text = text[:start] + HIDDEN + text[end:]
    return _RANDOM.sub(lambda match: HIDDEN if looks_random(match[0]) else match[0], text)


def _distinct(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans that do not touch, last first, made of ones that may overlap."""
    joined: list[tuple[int, int]] = []
    for start, minus_end in spans:
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], -minus_end))
        else:
            joined.append((start, -minus_end))
    return joined[::-1]


def looks_random(word: str) -> bool:
    """Whether a long word changes too often between digits, capitals and small letters to be a name."""
    kinds = ["d" if c.isdigit() else "u" if c.isupper() else "l" for c in word if c.isalnum()]
    if len(kinds) < 12 or "d" not in kinds:
        return False
    if _HEXADECIMAL.search(word):
        return True
    changes = sum(a != b for a, b in pairwise(kinds))
    return changes * 5 >= len(kinds)
