"""What commit messages say by convention."""

from __future__ import annotations

import pytest

from bot.domain.commits import Conventional, has_changelog_trailer, mostly_conventional, parse_message, told
from bot.domain.gitlab import Commit


def commit(sha: str, message: str, *, merge: bool = False) -> Commit:
    return Commit(sha=sha * 40, message=message, author="Ada", merge=merge)


@pytest.mark.parametrize(
    ("message", "parsed"),
    [
        ("feat: lay strands", ("feat", None, "lay strands", False)),
        ("Fix(Rope, twine): tar it twice ", ("fix", "Rope, twine", "tar it twice", False)),
        ("refactor!: drop hemp", ("refactor", None, "drop hemp", True)),
        ("feat(api)!: drop v1\n\nWhy not.", ("feat", "api", "drop v1", True)),
        ("fix: a\n\nBody.\n\nBREAKING CHANGE: hemp is gone", ("fix", None, "a", True)),
        ("fix: a\r\n\r\nBREAKING-CHANGE: hemp is gone", ("fix", None, "a", True)),
        ("chore: no BREAKING CHANGE: in the title", ("chore", None, "no BREAKING CHANGE: in the title", False)),
        ("security: close the hole", ("security", None, "close the hole", False)),
        ("feature: lay", None),
        ("Lay the strands", None),
        ("feat lay", None),
        ("feat:", None),
        ("", None),
        ("#12 feat: lay", None),
        ("Merge branch 'x' into 'main'", None),
    ],
)
def test_a_message_is_read_by_the_convention(message: str, parsed: tuple[str, str | None, str, bool] | None) -> None:
    found = parse_message(message)
    if parsed is None:
        assert found is None
    else:
        kind, scope, subject, breaking = parsed
        assert found == Conventional(type=kind, scope=scope, subject=subject, breaking=breaking)


@pytest.mark.parametrize(
    ("message", "has"),
    [
        ("Lay\n\nChangelog: added", True),
        ("Lay\n\nchangelog: fixed\n", True),
        ("Changelog of May", False),
        ("Lay\n\nChangelog:", False),
    ],
)
def test_a_trailer_is_seen(message: str, has: bool) -> None:
    assert has_changelog_trailer(message) is has


def test_merges_and_what_was_taken_back_are_not_told() -> None:
    commits = [
        commit("1", "feat: stays"),
        commit("2", "feat: goes"),
        commit("3", f'Revert "feat: goes"\n\nThis reverts commit {"2" * 40}.'),
        commit("4", f'Revert "older"\n\nThis reverts commit {"9" * 40}.'),
        commit("5", "feat: a merge", merge=True),
    ]
    assert [one.sha[0] for one in told(commits)] == ["1", "4"]


@pytest.mark.parametrize(
    ("messages", "mostly"),
    [([], False), (["feat: a"], True), (["feat: a", "b"], False), (["feat: a", "fix: b", "c"], True)],
)
def test_more_than_half_is_most(messages: list[str], mostly: bool) -> None:
    merge = commit("0", "Merge branch 'x'", merge=True)
    assert mostly_conventional([merge, *(commit("1", message) for message in messages)]) is mostly
