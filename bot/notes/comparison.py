"""What the files of a release change against the last published ones, as a section of its description."""

from __future__ import annotations

from bot.domain.anatomy import Differences
from bot.domain.errors import RefusedError
from bot.notes.foreign import check_finished, inline
from bot.notes.tables import count_words

HEADING = "## What the files change"
LINES_SHOWN = 40
LINE_LIMIT = 300  # characters
LONGEST = 32 * 1024  # of a section that is kept, in bytes


def comparison(seen: Differences | None, standing: str) -> list[list[str]]:
    """Its paragraphs, heading first; empty where nothing differs. `standing` is our block as it stands.

    Whoever did not compare (`seen` is None) leaves the section as it is: a look at what is out compares nothing.
    """
    if seen is None:
        kept = _kept(standing)
        return [[HEADING], [kept]] if kept else []
    told = [*(one.words for one in seen.found), *seen.unread]
    if seen.since is None or not told:
        return []
    shown = [f"- {inline(words, LINE_LIMIT)}" for words in told[:LINES_SHOWN]]
    more = len(told) - len(shown)
    return [
        [HEADING],
        [f"Since {inline(seen.since)} on {inline(seen.index or '')}:"],
        shown,
        [f"… and {count_words(more, 'more difference')}."] if more > 0 else [],
    ]


def _kept(standing: str) -> str:
    """The section in our own block; empty if there is none, or somebody made more of it than we would write."""
    _, found, rest = standing.replace("\r\n", "\n").partition(f"\n\n{HEADING}\n\n")
    section = rest.partition("\n\n## ")[0].partition("\n\n<!--")[0] if found else ""
    if len(section.encode(errors="replace")) > LONGEST:
        return ""
    try:
        return check_finished(section, "release description")
    except RefusedError:
        return ""
