"""The description of a GitLab Release: our block, found again by its markers, in the midst of what people wrote."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bot.domain.distributions import Distribution
from bot.domain.errors import RefusedError
from bot.domain.gitlab import Changes, MergeRequest
from bot.domain.report import ReleaseReport
from bot.notes.foreign import cell, check_finished, inline, link
from bot.notes.markers import END_OF_DESCRIPTION
from bot.notes.tables import FILE_NAME_LIMIT, count_words, install_table, size_words

# Source: GitLab, app/models/release.rb (characters) and the setting description_and_note_max_size (bytes).
MOST_CHARACTERS = 1_000_000
MOST_BYTES = 1_048_576
TITLE_LIMIT = 300
LABELS_SHOWN = 5
# A description is read by people and rendered by GitLab within seconds: further entries are one click away.
MERGE_REQUESTS_SHOWN = 1_000
FILES_SHOWN = 1_000
# Bytes kept free for the head of the file table and the blank lines around lists.
SEPARATORS = 100


@dataclass(frozen=True, slots=True)
class _Around:
    """What people wrote before and after our block."""

    before: str
    after: str


def description_text(report: ReleaseReport, existing: str | None, begin: str) -> str:
    """`existing` with our block put in place of the one that begins with the line `begin`, or after all else.

    Everything outside the block stays as it is, byte for byte. Lists in the block are cut to GitLab's limits.

    Raises: RefusedError if people's text leaves no room even for a block without lists.
    """
    around = _around(existing or "", begin)
    people = around.before + around.after
    room = min(MOST_CHARACTERS - len(people), MOST_BYTES - len(people.encode(errors="replace")))
    block = check_finished(_block(report, begin, room), "release description")
    if len(block.encode()) > room:
        raise RefusedError(
            what=f"the text around our part leaves {max(room, 0):,} bytes, too few for the release notes",
            where=f"description of the GitLab Release {report.ref}",
            remedy="Shorten the description by hand, then resume the release.",
        )
    return around.before + block + around.after


def _around(existing: str, begin: str) -> _Around:
    """Split at our block: the first end marker and the nearest begin marker before it.

    A begin without an end (somebody cut the text) is left alone, for what follows it may be theirs.
    """
    end = existing.find(END_OF_DESCRIPTION)
    while end >= 0:
        start = existing.rfind(begin, 0, end)
        after = end + len(END_OF_DESCRIPTION)
        if start >= 0:
            return _Around(existing[:start], existing[after:])
        end = existing.find(END_OF_DESCRIPTION, after)
    if not existing:
        return _Around("", "")
    newlines = len(existing) - len(existing.rstrip("\n"))
    return _Around(existing + "\n" * max(0, 2 - newlines), "")


def _block(report: ReleaseReport, begin: str, room: int) -> str:
    """Our block within `room` bytes if that can be: files may take half of it, merge requests what is left."""
    room -= SEPARATORS
    bare = len(_assemble(report, begin, [], []).encode())
    rows = _fitting(map(_file_line, report.files[:FILES_SHOWN]), (room - bare) // 2)
    used = len(_assemble(report, begin, [], rows).encode())
    merged = report.changes.merge_requests[:MERGE_REQUESTS_SHOWN] if report.changes else ()
    entries = _fitting(map(_entry, merged), room - used)
    return _assemble(report, begin, entries, rows)


def _fitting(lines: Iterable[str], room: int) -> list[str]:
    """As many of the first lines as fit into `room` bytes, line ends included."""
    fitting: list[str] = []
    for line in lines:
        room -= len(line.encode()) + 1
        if room < 0:
            break
        fitting.append(line)
    return fitting


def _assemble(report: ReleaseReport, begin: str, entries: list[str], rows: list[str]) -> str:
    parts = [
        *_changes(report, entries),
        *_install(report),
        *_files(report, rows),
    ]
    return "\n\n".join([begin, *("\n".join(lines) for lines in parts if lines), END_OF_DESCRIPTION])


def _changes(report: ReleaseReport, entries: list[str]) -> list[list[str]]:
    changes = report.changes
    if changes is None:
        return []
    more = len(changes.merge_requests) - len(entries)
    return [
        ["## What changed"],
        entries,
        [f"… and {count_words(more, 'more merge request')}."] if more > 0 else [],
        [] if changes.merge_requests else ["No merge requests."],
        [] if changes.complete else ["GitLab did not tell everything: this list may lack merge requests."],
        [_since(report, changes)],
    ]


def _since(report: ReleaseReport, changes: Changes) -> str:
    if changes.previous_tag is None:
        return "This is the first release."
    compare = f"{report.project_url}/-/compare/{_part(changes.previous_tag)}...{_part(report.ref)}"
    return f"Since {inline(changes.previous_tag)}: {link('all changes', compare)}."


def _part(ref: str) -> str:
    """A ref inside a URL: what would end the path is encoded here, the rest by `link`."""
    return ref.replace("%", "%25").replace("?", "%3F").replace("#", "%23")


def _entry(merge_request: MergeRequest) -> str:
    labels = "".join(f" · {inline(label, 100)}" for label in merge_request.labels[:LABELS_SHOWN])
    number = link(f"!{merge_request.iid}", merge_request.web_url)
    return f"- {inline(merge_request.title, TITLE_LIMIT)} ({number}) by {inline(merge_request.author, 100)}{labels}"


def _install(report: ReleaseReport) -> list[list[str]]:
    return [["## Install"], install_table(report.indexes)] if report.indexes else []


def _files(report: ReleaseReport, rows: list[str]) -> list[list[str]]:
    if not report.files:
        return []
    more = len(report.files) - len(rows)
    return [
        ["## Files"],
        [*_FILE_HEADER, *rows] if rows else [],
        [f"… and {count_words(more, 'more file')}."] if more > 0 else [],
    ]


_FILE_HEADER = ("| File | Size | sha256 |", "| --- | ---: | --- |")


def _file_line(file: Distribution) -> str:
    size = size_words(file.size) if file.size else "not known"
    return f"| {cell(file.filename, FILE_NAME_LIMIT)} | {size} | {cell(file.sha256)} |"
