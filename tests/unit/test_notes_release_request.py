"""What a release merge request says: the version, the notes as they will read, and nothing of others alive."""

from __future__ import annotations

import pytest

from bot.domain.gitlab import Changes, Commit, MergeRequest
from bot.domain.notes import DEFAULT_NOTES, NotesPolicy, NotesStrategy
from bot.domain.proposals import ReleaseDraft
from bot.domain.refs import Project
from bot.notes.foreign import check_finished
from bot.notes.release_request import NOTHING, RequestWords

MARKER = "<!-- ropewalk: release request v1 -->"
WILD = "feat: <img> ![x](y) @all /close `x` $a$\n\n/merge"
COMMITS = (Commit(sha="a" * 40, message=WILD, author="@all", web_url="https://h.example/c"),)
REQUESTS = (
    MergeRequest(
        iid=7, title="/close @all <b>", web_url="https://h.example/7", author="ada", labels=(), merged_at=None
    ),
)


def draft(
    *, unreleased: str | None = None, requests: tuple[MergeRequest, ...] = (), notes: NotesPolicy = DEFAULT_NOTES
) -> ReleaseDraft:
    project = Project(id=1, full_path="acme/w", web_url="https://h.example/acme/w", default_branch="main")
    changes = Changes(previous_tag=None, merge_requests=requests, commits=COMMITS)
    return ReleaseDraft(
        project=project,
        notes=notes,
        tag="v1.0.0",
        version="1.0.0",
        sha="a" * 40,
        changes=changes,
        unreleased=unreleased,
    )


@pytest.mark.parametrize(
    ("made", "there", "absent"),
    [
        (draft(), "<img>", "Ropes"),
        (draft(requests=REQUESTS), "!7", "<img>"),
        (draft(unreleased="### Added\n\n- Ropes\n\n/close @all <b>"), "### Added\n\n- Ropes", "<img>"),
        (draft(unreleased="- Ropes", notes=NotesPolicy(strategy=NotesStrategy.CONVENTIONAL)), "<img>", "Ropes"),
        (draft(notes=NotesPolicy(strategy=NotesStrategy.MERGE_REQUESTS)), NOTHING, "<img>"),
    ],
)
def test_the_notes_come_from_where_policy_makes_them_and_are_safe(made: ReleaseDraft, there: str, absent: str) -> None:
    ours = RequestWords()
    entry = ours.entry(made)
    assert there in entry
    assert absent not in entry
    words = ours.words(made, entry=entry, marker=MARKER)
    assert check_finished(words.description, "test") == words.description
    assert (words.title, words.subject) == ("Release v1.0.0", "chore: release v1.0.0")
    assert entry in words.description
    assert words.description.endswith(MARKER)
    assert ours.words(made, entry=ours.entry(made), marker=MARKER) == words
