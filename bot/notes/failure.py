"""The description of a project's one issue about releases that stopped: an entry for each, in the midst of what people
wrote.

An entry's marker names, beside its MAC, the series of releases it belongs to (kind and tag prefix), the ref and the
version, so that a later release knows which entries it makes up for. Series and ref are digests: nothing foreign
stands in a marker.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass

from bot.domain.distributions import parse_version, read_tag
from bot.domain.refs import RefKind
from bot.domain.releases import ReleaseState
from bot.domain.report import ReleaseReport
from bot.notes.foreign import check_finished
from bot.notes.markers import Markers
from bot.notes.note import note_text
from bot.notes.tables import command, ref_words
from bot.ports.texts import FailureText

# Characters of a digest in a marker: enough that two refs of one project do not share one by chance.
DIGEST_LENGTH = 16
END_OF_ENTRY = "<!-- ropewalk: end failure -->"
INTRO = (
    "Releases of this project that stopped and wait for somebody. The bot keeps the entries up to date and closes this "
    "issue when none is left; what is written around them stays."
)
# Characters of one entry: longer ones say where to read on. Bytes of all: GitLab takes a megabyte.
MOST_ENTRY = 20_000
MOST_BYTES = 900_000

_BEGIN_OVER, _END_OVER = "<!-- ropewalk: begin over -->", "<!-- ropewalk: end over -->"
# What stands between two markers of ours holds no other. Where somebody took an end away, only the line with the marker
# is ours: it still says that this release stands still, and what is below it is people's text.
_INSIDE = r"(?:(?!<!-- ropewalk: ).)*?"
_ENTRY = re.compile(
    r"<!-- ropewalk: failure v1 (?P<series>[0-9a-f]{16}) (?P<ref>[0-9a-f]{16}) (?P<version>[0-9a-z.+!]{1,64}) "
    rf"(?P<mac>[0-9a-f]{{32}}) -->\n(?:{_INSIDE}\n{re.escape(END_OF_ENTRY)}\n*)?",
    re.DOTALL,
)
_OVER = re.compile(rf"{re.escape(_BEGIN_OVER)}\n{_INSIDE}\n{re.escape(_END_OVER)}\n*", re.DOTALL)
_NO_VERSION = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Key:
    """What tells an entry from others: `series` are releases of which a later one makes up for an earlier."""

    series: str
    ref: str
    version: str

    @property
    def words(self) -> tuple[str, str, str]:
        """As in the marker."""
        return self.series, self.ref, self.version


def failure_title(report: ReleaseReport) -> str:
    """The same for every release of a project: nothing foreign stands in a title."""
    del report
    return "Releases that stopped"


def failure_text(report: ReleaseReport, existing: str | None, markers: Markers, *, stopped: bool) -> FailureText:
    """See bot.ports.texts.FailureTexts."""
    head = markers.failure_issue(report.project_id)
    text = (existing or f"{head}\n\n{INTRO}\n").replace("\r\n", "\n")
    mine = _key(report)

    def ours(found: re.Match[str]) -> bool:
        return markers.is_failure(found["mac"], report.project_id, found["series"], found["ref"], found["version"])

    def left(found: re.Match[str]) -> str:
        entry = _Key(series=found["series"], ref=found["ref"], version=found["version"])
        return "" if ours(found) and _made_up_for(entry, mine, report.state) else found[0]

    before = sum(map(ours, _ENTRY.finditer(text)))
    if not stopped and not before:
        return FailureText(text=text, open=None)
    text = _OVER.sub("", _ENTRY.sub(left, text)).rstrip("\n")
    if stopped:
        text = f"{text}\n\n{_entry(report, markers.failure(report.project_id, *mine.words))}"
    while len(text.encode()) > MOST_BYTES and sum(1 for _ in _ENTRY.finditer(text)) > 1:
        text = _ENTRY.sub("", text, count=1)  # the oldest
    open_ = any(map(ours, _ENTRY.finditer(f"{text}\n")))
    if not open_:
        text = f"{text}\n\n{_BEGIN_OVER}\n\n{_over(report)}\n\n{_END_OVER}"
    return FailureText(text=f"{text}\n", open=open_)


def _key(report: ReleaseReport) -> _Key:
    named = read_tag(report.ref) if report.kind is RefKind.TAG else None
    words = _NO_VERSION if named is None or named.version is None else str(named.version)
    series = report.ref if named is None else named.prefix
    return _Key(
        series=_digest(report.kind.value, series),
        ref=_digest(report.kind.value, report.ref),
        version=words if len(words) <= 64 else _NO_VERSION,
    )


def _digest(*words: str) -> str:
    return hashlib.sha256(json.dumps(words).encode()).hexdigest()[:DIGEST_LENGTH]


def _made_up_for(entry: _Key, mine: _Key, state: ReleaseState) -> bool:
    """Whether an entry goes: it is that of this release, or of an earlier version of the same series."""
    if entry.ref == mine.ref:
        return True
    older, newer = parse_version(entry.version), parse_version(mine.version)
    later = older is not None and newer is not None and older < newer
    return state is ReleaseState.PUBLISHED and entry.series == mine.series and later


def _entry(report: ReleaseReport, marker: str) -> str:
    """The words of the note on merge requests, between markers; cut to the first paragraph where they are too many."""
    words = note_text(report)
    if len(words) > MOST_ENTRY:
        words = "\n\n".join([words.partition("\n")[0], "The whole of it:", command(report, "status")])
    return check_finished(f"{marker}\n\n{words}\n\n{END_OF_ENTRY}", "failure issue")


def _over(report: ReleaseReport) -> str:
    """What ended it."""
    what = "is withdrawn" if report.state is ReleaseState.WITHDRAWN else "is released"
    return check_finished(f"✅ No release is stopped any more: {ref_words(report)} {what}.", "failure issue")
