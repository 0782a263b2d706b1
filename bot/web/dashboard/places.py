"""Where a page of a list begins, as one word of an address. What a browser hands back is checked like any word."""

from __future__ import annotations

from datetime import UTC, datetime

from bot.domain.verdicts import Severity
from bot.domain.views import FindingPlace, ReleasePlace

_BETWEEN = "~"


def spell_release(place: ReleasePlace | None) -> str:
    """Time and key."""
    return "" if place is None else f"{_spell(place.at)}{_BETWEEN}{place.key}"


def read_release(word: str) -> ReleasePlace | None:
    """The place; None for the beginning, and for a word that names none."""
    at, _, key = word.partition(_BETWEEN)
    moment = _read(at)
    return None if moment is None or not key else ReleasePlace(at=moment, key=key)


def spell_finding(place: FindingPlace | None) -> str:
    """Severity, time and identity."""
    if place is None:
        return ""
    return _BETWEEN.join((place.severity.word, _spell(place.first_seen), place.identity))


def read_finding(word: str) -> FindingPlace | None:
    """The place; None for the beginning, and for a word that names none."""
    severity, _, rest = word.partition(_BETWEEN)
    at, _, identity = rest.partition(_BETWEEN)
    moment = _read(at)
    known = {one.word: one for one in Severity}.get(severity)
    if moment is None or known is None or not identity:
        return None
    return FindingPlace(severity=known, first_seen=moment, identity=identity)


def _spell(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%fZ")


def _read(word: str) -> datetime | None:
    try:
        return datetime.strptime(word, "%Y%m%dT%H%M%S.%fZ").replace(tzinfo=UTC)
    except ValueError:
        return None
