"""What a release merge request says, and what it writes into the changelog."""

from __future__ import annotations

from bot.domain.notes import NotesSource, NotesStrategy
from bot.domain.proposals import ReleaseDraft, Words
from bot.domain.refs import RefKind
from bot.domain.releases import ReleaseState
from bot.domain.report import ReleaseReport
from bot.notes.changes import fitting, joined, write
from bot.notes.foreign import check_finished, inline

ENTRY_BYTES = 100_000
NOTHING = "No change that release notes tell of."
_OWN_WORDS = frozenset({NotesStrategy.CONVENTIONAL, NotesStrategy.MERGE_REQUESTS})


class RequestWords:
    """See bot.ports.proposals.RequestTexts."""

    def entry(self, draft: ReleaseDraft) -> str:
        """What stands under `Unreleased`, unless policy makes notes from elsewhere; what does not fit is counted."""
        report = _report(draft)
        pieces = write(report, draft.changes).pieces()
        shown = fitting(pieces, ENTRY_BYTES)
        more = [f"… and {len(pieces) - len(shown)} more."] if len(shown) < len(pieces) else []
        return "\n\n".join([*joined(shown), *more]) or NOTHING

    def words(self, draft: ReleaseDraft, *, entry: str, marker: str) -> Words:
        """The version and the notes. Raises: RefusedError if the text were not safe."""
        # Tags are named by policy, and hold nothing but what a ref may be called: in a title they stand bare.
        title = f"Release {draft.tag}"
        parts = [
            f"Merging this releases {inline(draft.tag)}: the bot tags the merge's commit, and nothing before.",
            "As long as it is open `ropewalk release propose` keeps it up to date and resets its branch, so push "
            "nothing there. Close it, and this version is not proposed again while the branch is there.",
            "**Release notes**",
            entry,
            marker,
        ]
        description = check_finished("\n\n".join(parts), f"release request of {draft.tag}")
        return Words(title=title, description=description, subject=f"chore: release {draft.tag}")


def _report(draft: ReleaseDraft) -> ReleaseReport:
    return ReleaseReport(
        project=draft.project.full_path,
        project_id=draft.project.id,
        project_url=draft.project.web_url,
        ref=draft.tag,
        kind=RefKind.TAG,
        sha=draft.sha,
        version=draft.version,
        name=None,
        state=ReleaseState.PLANNED,
        gates=(),
        targets=(),
        receipts=(),
        files=(),
        indexes=(),
        changes=draft.changes,
        next=None,
        notes=draft.notes,
        source=_source(draft),
    )


def _source(draft: ReleaseDraft) -> NotesSource:
    asked = draft.notes.strategy
    if draft.unreleased is not None and asked not in _OWN_WORDS:
        return NotesSource(strategy=NotesStrategy.FILE, reason="", markdown=draft.unreleased)
    if asked is NotesStrategy.MERGE_REQUESTS or (
        draft.changes.merge_requests and asked is not NotesStrategy.CONVENTIONAL
    ):
        return NotesSource(strategy=NotesStrategy.MERGE_REQUESTS, reason="")
    return NotesSource(strategy=NotesStrategy.CONVENTIONAL, reason="")
