"""The description of a GitLab Release: our block, found again by its markers, in the midst of what people wrote."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.domain.distributions import Distribution
from bot.domain.errors import RefusedError
from bot.domain.gitlab import Changes
from bot.domain.report import ReleaseReport
from bot.notes.changes import Written, contributors, fitting, joined, thanks, write
from bot.notes.comparison import comparison
from bot.notes.foreign import cell, check_finished, inline, link
from bot.notes.markers import END_OF_DESCRIPTION
from bot.notes.tables import (
    FILE_NAME_LIMIT,
    INDEXES_SHOWN,
    NAME_LIMIT,
    count_words,
    install_table,
    proven_on,
    size_words,
    version_words,
)
from bot.notes.template import UnusableTemplateError, Value, fill

# Source: GitLab, app/models/release.rb (characters) and the setting description_and_note_max_size (bytes).
MOST_CHARACTERS = 1_000_000
MOST_BYTES = 1_048_576
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
    standing = (existing or "")[len(around.before) : len(existing or "") - len(around.after)]
    room = min(MOST_CHARACTERS - len(people), MOST_BYTES - len(people.encode(errors="replace")))
    block = check_finished(_block(report, begin, room, standing), "release description")
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


def _block(report: ReleaseReport, begin: str, room: int, standing: str = "") -> str:
    """Our block within `room` bytes if that can be: files may take half of it, changes what is left.

    `standing` is the block as it stands.
    """
    room -= SEPARATORS
    compared = comparison(report.differences, standing)
    written = write(report, report.changes) if report.changes else Written()
    bare = len(_assemble(report, begin, written, [], [], compared).encode())
    proven = proven_on(report)
    rows = fitting((_file_line(file, proven) for file in report.files[:FILES_SHOWN]), (room - bare) // 2)
    used = len(_assemble(report, begin, written, [], rows, compared).encode())
    pieces = fitting(written.pieces(), room - used)
    if report.notes.template is None:
        return _assemble(report, begin, written, pieces, rows, compared)
    try:
        block = (
            f"{begin}\n\n{fill(report.notes.template, _values(report, written, pieces, rows))}\n\n{END_OF_DESCRIPTION}"
        )
        if len(block.encode()) <= room:
            return check_finished(block, "template")
        problem = "it gives more than fits into a description"
    except UnusableTemplateError as error:
        problem = str(error)
    except RefusedError as error:
        problem = error.what
    said = f"ℹ️ The template for release notes could not be used: {inline(problem, 300)}."
    return _assemble(report, begin, written, pieces, rows, [*compared, [said]])


def preview_text(report: ReleaseReport) -> str:
    """What the block will say of the changes, or all that the organisation's template makes of them."""
    begin = "<!-- ropewalk: preview -->"
    block = check_finished(_block(report, begin, MOST_BYTES // 2), "release notes")
    return block.removeprefix(begin).removesuffix(END_OF_DESCRIPTION).strip("\n")


def _values(report: ReleaseReport, written: Written, pieces: list[str], rows: list[str]) -> dict[str, Value]:
    """What a template may use; docs/notes.md lists it."""
    changes = report.changes
    parts = {
        name: "\n\n".join("\n".join(lines) for lines in made[1:] if lines)
        for name, made in (("install", _install(report)), ("files", _files(report, rows)))
    }
    groups: list[dict[str, str | list[str]]] = [
        {"title": group.title or "", "entries": list(group.entries)} for group in written.groups
    ]
    return {
        "project": inline(report.project),
        "ref": inline(report.ref),
        "version": version_words(report),
        "previous": inline(changes.previous_tag) if changes and changes.previous_tag else "",
        "changes": "\n\n".join(joined(pieces)),
        "groups": groups,
        "contributors": list(contributors(changes)) if changes else [],
        "thanks": thanks(contributors(changes)) if changes else "",
        "since": _since(report, changes) if changes else "",
        **parts,
    }


def _assemble(
    report: ReleaseReport, begin: str, written: Written, pieces: list[str], rows: list[str], said: list[list[str]]
) -> str:
    parts = [*_changes(report, written, pieces), *said, *_install(report), *_files(report, rows)]
    return "\n\n".join([begin, *("\n".join(lines) for lines in parts if lines), END_OF_DESCRIPTION])


def _changes(report: ReleaseReport, written: Written, pieces: list[str]) -> list[list[str]]:
    changes = report.changes
    if changes is None:
        return []
    total = len(written.pieces())
    more = total - len(pieces)
    nothing = "No merge requests." if written.noun == "merge request" else "No changes."
    return [
        ["## What changed"],
        *([paragraph] for paragraph in joined(pieces)),
        [f"… and {count_words(more, f'more {written.noun}')}."] if more > 0 else [],
        [] if total else [nothing],
        [] if changes.complete else ["GitLab did not tell everything: this list may lack merge requests."],
        [thanks(contributors(changes))] if total else [],
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


_FILE_HEADER = ("| File | Size | sha256 | Index |", "| --- | ---: | --- | --- |")


def _file_line(file: Distribution, proven: Mapping[str, tuple[str, ...]]) -> str:
    where = ", ".join(cell(name, NAME_LIMIT) for name in proven.get(file.filename, ())[:INDEXES_SHOWN])
    size = size_words(file.size).replace(" ", "\u00a0") if file.size else "not known"
    digest = cell(file.sha256)
    return f"| {cell(file.filename, FILE_NAME_LIMIT)} | {size} | {digest} | {where or 'nowhere yet'} |"
