"""How values are spelled on pages: every text of others is escaped, and what has no shape of its own is shown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache, lru_cache
from hashlib import sha256
from importlib.resources import files
from urllib.parse import quote, urlencode, urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from bot.domain.releases import STOPPED, ReleaseState, TargetState
from bot.domain.verdicts import Verdict
from bot.hygiene.spelling import rfc3339, visible
from bot.web.dashboard.charts import exposure_picture, trend_picture

_CODE = re.compile(r"`([^`]+)`")
_STEPS = (("d", 86_400), ("h", 3_600), ("min", 60))
STATIC = ("dashboard.css", "dashboard.js", "favicon.svg")
_OF_KIND: Mapping[str, tuple[StrEnum, ...]] = {
    "wait": (ReleaseState.PLANNED, ReleaseState.WAITING, TargetState.PENDING),
    "busy": (ReleaseState.PUBLISHING, ReleaseState.VERIFYING),
    "good": (ReleaseState.PUBLISHED, TargetState.DONE, Verdict.PASS),
    "bad": (*STOPPED, TargetState.FAILED, TargetState.CONFLICT, Verdict.FAIL),
    "unsure": (Verdict.UNKNOWN,),
}
KINDS = {state: kind for kind, states in _OF_KIND.items() for state in states}
"""The colour of a state, a target or a verdict, `past` for all others; its word always stands beside it."""


def ago(seconds: float) -> str:
    """How long something was, or will be: `12 s`, `3 min`, `5 h`, `2 d`."""
    whole = max(round(abs(seconds)), 0)
    return next((f"{whole // size} {unit}" for unit, size in _STEPS if whole >= 2 * size), f"{whole} s")


def days_away(days: int) -> str:
    """How far a day is: `today`, `in 4 days`, `1 day ago`."""
    words = f"{abs(days)} day{'' if abs(days) == 1 else 's'}"
    return "today" if days == 0 else f"in {words}" if days > 0 else f"{words} ago"


def digit_groups(number: int) -> str:
    """A count with thin spaces between thousands."""
    return f"{number:,}".replace(",", "\u202f")


def release_path(key: str) -> str:
    """The permanent address of a release."""
    return f"/releases/{quote(key, safe='/@')}"


def only_web(address: str) -> str:
    """The address if it leads to the web, else nothing: who names it might be somebody else."""
    try:
        return address if urlsplit(address).scheme in ("http", "https") else ""
    except ValueError:
        return ""


@lru_cache(maxsize=1024)
def coded(text: str) -> Markup:
    """A sentence of ours or of others whose `code` is set as code."""
    parts = _CODE.split(visible(text))
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if number % 2 else escape(part) for number, part in enumerate(parts)
    )


@pass_context
def moment(context: Context, at: datetime) -> Markup:
    """A time: how long ago, or until then; the time itself when one points at it."""
    seconds = (context["now"] - at).total_seconds()
    words = f"{ago(seconds)} ago" if seconds >= 0 else f"in {ago(seconds)}"
    exact = at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return Markup('<time datetime="{}" title="{}">{}</time>').format(rfc3339(at), exact, words)


def clock(at: datetime) -> Markup:
    """A time to the second."""
    return Markup('<time datetime="{}">{}</time>').format(rfc3339(at), at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S"))


def query(**words: object) -> str:
    """The query of an address; what is empty is left out."""
    return urlencode([(name, str(word)) for name, word in _flat(words) if word not in ("", None)])


def _flat(words: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    for name, word in words.items():
        yield from ((name, one) for one in word) if isinstance(word, list | tuple) else ((name, word),)


def _spelled(value: object) -> object:
    """Whatever a template puts out: texts with nothing unseen in them."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


@cache
def static_files() -> Mapping[str, tuple[bytes, str]]:
    """What pages fetch besides themselves, and a digest that changes with it."""
    folder = files("bot.web.dashboard") / "static"
    found = {name: (folder / name).read_bytes() for name in STATIC}
    return {name: (body, sha256(body).hexdigest()[:12]) for name, body in found.items()}


def static_path(name: str) -> str:
    """The address of such a file; another once it reads differently."""
    return f"/static/{name}?{static_files()[name][1]}"


def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("bot.web.dashboard", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_spelled,
        auto_reload=False,
    )
    made.filters |= {
        "moment": moment,
        "clock": clock,
        "coded": coded,
        "count": digit_groups,
        "ago": ago,
        "days_away": days_away,
        "web": only_web,
        "at": release_path,
        "kind": lambda state: KINDS.get(state, "past"),
        "spaced": lambda text: str(text).replace("_", " "),
    }
    made.globals |= {"static": static_path, "query": query, "trend": trend_picture, "picture": exposure_picture}
    return made


TEMPLATES = _environment()
