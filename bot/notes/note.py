"""The sticky note on a merge request: how the release that ships it stands, in the words of the state it is in."""

from __future__ import annotations

from typing import assert_never

from bot.domain.gitlab import MergeRequest
from bot.domain.refs import RefKind
from bot.domain.releases import STOPPED, ReleaseState
from bot.domain.report import ReleaseReport
from bot.notes.evidence import files, progress, standing
from bot.notes.foreign import inline, link
from bot.notes.reasons import Lines, awaited, problem, reasons, stopping, turn, warnings, whose_turn
from bot.notes.tables import INDEXES_SHOWN, command, install_table, ref_words, version_words, when
from bot.notes.wording import words_for


def note_text(report: ReleaseReport) -> str:
    """The note without its marker: paragraphs apart by blank lines, at most some 200,000 characters."""
    paragraphs = [*_by_state(report), *warnings(report)]
    return "\n\n".join("\n".join(lines) for lines in paragraphs if lines)


def outcome(note: str) -> str:
    """What a note says in its first sentence but for where it leads: two that differ here are two outcomes."""
    return note.replace("\r\n", "\n").partition("\n")[0].strip()


def reply_text(report: ReleaseReport, sticky: str) -> str | None:
    """A short call to a note about to be edited, if the release stopped and its note says something else so far.

    Good news needs none, nor does what is under way or withdrawn: nobody has to act.
    """
    if report.state not in STOPPED or outcome(sticky) == outcome(note_text(report)):
        return None
    return "\n\n".join([outcome(note_text(report)), f"**Whose turn it is:** {whose_turn(report)}."])


def issue_text(report: ReleaseReport, merge_request: MergeRequest) -> str:
    """What an issue is told that a shipped merge request closed."""
    number = link(f"!{merge_request.iid}", merge_request.web_url)
    lines = [_published(report)[0][0], f"It brings {number}, which closed this issue."]
    return "\n\n".join(lines)


def _by_state(report: ReleaseReport) -> list[Lines]:
    match report.state:
        case ReleaseState.PUBLISHED:
            return _published(report)
        case ReleaseState.BLOCKED:
            return _blocked(report)
        case ReleaseState.FAILED:
            return _failed(report)
        case ReleaseState.CONFLICT:
            return _conflict(report)
        case ReleaseState.PARTIAL:
            return _partial(report)
        case ReleaseState.WITHDRAWN:
            return _withdrawn(report)
        case ReleaseState.PLANNED | ReleaseState.WAITING | ReleaseState.PUBLISHING | ReleaseState.VERIFYING:
            return _under_way(report)
        case _:
            assert_never(report.state)


def _published(report: ReleaseReport) -> list[Lines]:
    # GitLab's time, not that of our receipts: after a lost state the same release must give the same note.
    moment = f" on {when(report.released_at)}" if report.released_at else ""
    page = f" {link('See the release', report.release_url)}." if report.release_url else ""
    return [
        [f"✅ Released as {version_words(report)} from {ref_words(report)}{moment}.{page}"],
        install_table(report.indexes[:INDEXES_SHOWN]),
        *files(report),
    ]


def _blocked(report: ReleaseReport) -> list[Lines]:
    failing = stopping(report)
    cause = problem(failing[0]) if failing else "a condition is not met"
    return [
        [f"⛔ The release of {ref_words(report)} is blocked: {cause}. {standing(report)}"],
        reasons(report),
        progress(report),
        *turn(report, "When that is done, continue with"),
    ]


def _failed(report: ReleaseReport) -> list[Lines]:
    failing = stopping(report)
    cause = f": {problem(failing[0])}" if failing else ""
    if report.unusable and not failing:
        cause = ": its pipeline made nothing that can be released"
    return [
        [f"❌ The release of {ref_words(report)} failed{cause}. {standing(report)}"],
        reasons(report),
        progress(report),
        *turn(report, "When the cause is gone, try again with"),
    ]


def _conflict(report: ReleaseReport) -> list[Lines]:
    name = inline(report.name) if report.name else "this package"
    again = "set a new tag" if report.kind is RefKind.TAG else "merge that"
    return [
        [
            f"🛑 The release of {ref_words(report)} stopped: an index already holds a file of {name} under the same "
            "name with other content. Nothing was overwritten."
        ],
        reasons(report),
        progress(report),
        [
            f"**Whose turn it is:** {words_for('index_guard').turn}. A version is published once, so raise the version "
            f"and {again}; it is released by itself."
        ],
        ["If the other file was a mistake and has been removed from the index, continue with"],
        [command(report, "resume")],
    ]


def _partial(report: ReleaseReport) -> list[Lines]:
    return [
        [f"⚠️ The release of {ref_words(report)} is only partly published. {standing(report)}"],
        reasons(report),
        progress(report),
        *turn(report, "What is done stays done and is not sent again. Continue with"),
    ]


def _withdrawn(report: ReleaseReport) -> list[Lines]:
    return [
        [f"↩️ The release of {ref_words(report)} is withdrawn: the ref was deleted or moved. {standing(report)}"],
        reasons(report),
        progress(report),
        [
            "Nothing more is published from it. "
            f"{'A new tag' if report.kind is RefKind.TAG else 'What is merged next'} is released by itself."
        ],
    ]


def _under_way(report: ReleaseReport) -> list[Lines]:
    what = {
        ReleaseState.PLANNED: "is planned",
        ReleaseState.WAITING: "is waiting",
        ReleaseState.PUBLISHING: "is being published",
        ReleaseState.VERIFYING: "is published and being read back",
    }[report.state]
    return [
        [f"⏳ The release of {ref_words(report)} {what}."],
        reasons(report),
        progress(report),
        awaited(report),
        [f"**Next:** {inline(report.next)}"] if report.next else [],
    ]
