"""The small pieces the texts are built of: tables, sizes, times, commands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from bot.domain.refs import RefKind, Target
from bot.domain.releases import Receipt
from bot.domain.report import IndexPage, ReleaseReport
from bot.notes.foreign import block, cell, inline, link

# Hex digits of a digest shown where the whole one is a click away.
SHORT_DIGEST = 12
# Characters of an index's name or a file name shown; what indexes accept is shorter.
NAME_LIMIT = 100
FILE_NAME_LIMIT = 300
INDEXES_SHOWN = 20
_SENT = frozenset({"upload", "published", "found"})
_PLAIN_VERSION = re.compile(r"[0-9A-Za-z.+]{1,64}")
# GitLab links seven and more hex digits in a row to a commit, should there be one.
_COMMIT_LIKE = re.compile(r"[0-9a-f]{7}")
_UNITS = ("B", "KiB", "MiB", "GiB")


def version_words(report: ReleaseReport) -> str:
    """The version in bold, or the ref as code where no version is known."""
    version = report.version
    if version is None:
        return inline(report.ref)
    plain = _PLAIN_VERSION.fullmatch(version) and not _COMMIT_LIKE.search(version)
    return f"**{version}**" if plain else f"**{inline(version)}**"


def ref_words(report: ReleaseReport) -> str:
    """`v1.1.0` for a tag, "`main` at `0a1b2c3d`" for a commit of a branch."""
    if report.kind is RefKind.TAG:
        return inline(report.ref)
    return f"{inline(report.ref)} at {inline(report.sha[:8])}"


def command(report: ReleaseReport, verb: str) -> str:
    """The exact command to type, in a block of its own."""
    return block(command_line(report, verb))


def command_line(report: ReleaseReport, verb: str) -> str:
    """The exact command, quoted for a shell: git allows `;` and `$` in refs. Not safe as it stands."""
    return f"ropewalk release {verb} {Target(report.project, report.ref).typed}"


def when(moment: datetime) -> str:
    """A UTC time to the minute."""
    return f"{moment.astimezone(UTC) if moment.tzinfo else moment:%Y-%m-%d %H:%M} UTC"


def size_words(size: int) -> str:
    """A number of bytes as people read it: `812 B`, `12.3 KiB`."""
    amount = float(size)
    for unit in _UNITS[:-1]:
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} {_UNITS[-1]}"


def count_words(number: int, noun: str) -> str:
    """`1 file`, `2 files`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def proofs(report: ReleaseReport) -> tuple[Receipt, ...]:
    """Receipts of files that were read back from an index, oldest first; receipts of notes and Releases left out.

    Those come after the text was written and would change it without need.
    """
    sent = (receipt for receipt in report.receipts if receipt.kind in _SENT and receipt.target.startswith("index:"))
    return tuple(sorted(sent, key=lambda receipt: (receipt.at, receipt.target, receipt.file or "")))


def proven_on(report: ReleaseReport) -> dict[str, tuple[str, ...]]:
    """By file name, the indexes (in the order of the policy) on which exactly the file's bytes were seen."""
    digests = {file.filename: file.sha256 for file in report.files}
    seen = {
        (receipt.file, receipt.target.removeprefix("index:"))
        for receipt in proofs(report)
        if receipt.file is not None and receipt.sha256 == digests.get(receipt.file)
    }
    return {
        filename: tuple(index.name for index in report.indexes if (filename, index.name) in seen)
        for filename in digests
    }


def install_table(indexes: Sequence[IndexPage]) -> list[str]:
    """Index, linked to its page, and the line that installs from it. No lines if there are no indexes."""
    rows = [(link(cell(index.name, NAME_LIMIT), index.page_url), cell(index.install)) for index in indexes]
    return table(("Index", "Install"), rows)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of a Markdown table; none if there are no rows. Cells are ours or come from `cell`."""
    lines = [_row(row) for row in rows]
    return [_row(header), "|" + " --- |" * len(header), *lines] if lines else []


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
