"""What of a release is public, and the proof of it."""

from __future__ import annotations

from bot.domain.distributions import Distribution
from bot.domain.releases import TargetState
from bot.domain.report import ReleaseReport
from bot.notes.foreign import cell, link
from bot.notes.tables import (
    FILE_NAME_LIMIT,
    INDEXES_SHOWN,
    NAME_LIMIT,
    SHORT_DIGEST,
    count_words,
    proofs,
    proven_on,
    table,
)

# A note is for reading: longer lists are told on the release's own page.
FILES_SHOWN = 40


def standing(report: ReleaseReport) -> str:
    """What is public already, in one sentence."""
    if not proofs(report):
        return "Nothing was published."
    return "Some files already stand on an index; see below."


def progress(report: ReleaseReport) -> list[str]:
    """Index by index how many of the files were read back. No lines while nothing is public."""
    if not proofs(report):
        return []
    proven = proven_on(report)
    states = {target.name: target.state for target in report.targets}
    rows = [
        (
            link(cell(index.name, NAME_LIMIT), index.page_url),
            f"{sum(index.name in names for names in proven.values())} of {len(report.files)}",
            _STATE_WORDS[states.get(f"index:{index.name}", TargetState.PENDING)],
        )
        for index in report.indexes[:INDEXES_SHOWN]
    ]
    return table(("Index", "Files read back", "State"), rows)


_STATE_WORDS = {
    TargetState.PENDING: "⏳ not yet",
    TargetState.DONE: "✅ done",
    TargetState.FAILED: "❌ failed",
    TargetState.CONFLICT: "🛑 conflict",
    TargetState.SKIPPED: "⏭️ skipped",
}


def files(report: ReleaseReport) -> list[list[str]]:
    """The proof, folded: digest of each file and where exactly these bytes were read back."""
    if not report.files:
        return []
    more = len(report.files) - FILES_SHOWN
    proven = proven_on(report)
    rows = (_file_row(file, proven[file.filename]) for file in report.files[:FILES_SHOWN])
    return [
        [f"<details><summary>Proof: sha256 of {count_words(len(report.files), 'file')}, read back</summary>"],
        table(("File", "sha256", "Read back from"), rows),
        [f"… and {count_words(more, 'more file')}."] if more > 0 else [],
        ["</details>"],
    ]


def _file_row(file: Distribution, indexes: tuple[str, ...]) -> tuple[str, str, str]:
    return (
        cell(file.filename, FILE_NAME_LIMIT),
        cell(file.sha256[:SHORT_DIGEST] + "…"),
        ", ".join(cell(name, NAME_LIMIT) for name in indexes[:INDEXES_SHOWN]) or "nowhere yet",
    )
