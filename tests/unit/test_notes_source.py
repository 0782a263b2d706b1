"""What release notes are made from, and that the reason says so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.gitlab import Changes
from bot.domain.notes import NotesPolicy, NotesStrategy
from bot.domain.refs import RefKind
from bot.domain.releases import ReleaseId
from bot.release.changing import see_changelog_file
from bot.release.facts import ChangelogFile, Facts, Look, LookKind, Seen
from bot.release.notes_source import choose
from tests.unit.release_facts import NOON, PROJECT, SHA, wanted

TEXT = "# Changelog\n\n## [Unreleased]\n\n- later\n\n## 1.1.0\n\n- now\n"
FILES = {"CHANGELOG.md": TEXT}


class Repository:
    """Files at any commit."""

    def file(self, project_id: int, path: str, sha: str) -> str | None:
        """Its text."""
        return FILES.get(path)

    def names(self, project_id: int, folder: str, sha: str) -> tuple[str, ...]:
        """Not asked."""
        raise AssertionError

    def contains(self, project_id: int, ref: str, sha: str) -> bool:
        """Not asked."""
        raise AssertionError

    def containing(self, project_id: int, sha: str) -> tuple[str, ...]:
        """Not asked."""
        raise AssertionError


@pytest.mark.parametrize(
    ("kind", "ref", "file", "seen"),
    [
        (RefKind.TAG, "v1.1.0", "CHANGELOG.md", ChangelogFile(there=True, section="- now")),
        (RefKind.TAG, "v2.0.0", "CHANGELOG.md", ChangelogFile(there=True)),
        (RefKind.TAG, "v1.1.0", "CHANGES.md", ChangelogFile(there=False)),
        (
            RefKind.BRANCH,
            "main",
            "CHANGELOG.md",
            ChangelogFile(there=True, section="- later", what="CHANGELOG.md has a section for what is not released"),
        ),
    ],
)
def test_a_ref_without_a_version_is_told_of_by_what_is_not_released(
    kind: RefKind, ref: str, file: str, seen: ChangelogFile
) -> None:
    asked = wanted()
    asked = replace(
        asked,
        id=ReleaseId(project_id=PROJECT.id, kind=kind, ref=ref, sha=SHA),
        rule=replace(asked.rule, notes=NotesPolicy(strategy=NotesStrategy.AUTO, file=file)),
    )
    facts = Facts(now=NOON, changes=Seen(Changes(previous_tag="v1.0.0", merge_requests=())))
    assert choose(asked, facts) == Look(LookKind.CHANGELOG_FILE)
    assert see_changelog_file(Repository(), asked, facts) == seen
    source = choose(asked, replace(facts, changelog_file=Seen(seen)))
    assert not isinstance(source, Look)
    assert source.markdown == seen.section
    if seen.section is not None:
        assert source.reason == (seen.what or "CHANGELOG.md has a section for this version")


def test_a_file_of_which_nothing_is_known_but_that_it_did_not_change_is_not_said_to_be_there() -> None:
    asked = wanted()
    changes = Changes(previous_tag="v1.0.0", merge_requests=(), paths=frozenset({"src/a.py"}))
    source = choose(asked, Facts(now=NOON, changes=Seen(changes)))
    assert not isinstance(source, Look)
    assert source.reason.startswith("no CHANGELOG.md was changed since v1.0.0, and ")
