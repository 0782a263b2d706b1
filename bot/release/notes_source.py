"""What release notes are made from: what policy asks for, or what the project keeps best; always with the reason."""

from __future__ import annotations

from bot.domain.commits import forms_of
from bot.domain.distributions import version_of_tag
from bot.domain.gitlab import Changes
from bot.domain.notes import NotesSource, NotesStrategy
from bot.domain.refs import RefKind
from bot.release.facts import Facts, Look, LookKind, Seen, Unreadable, Wanted
from bot.release.identity import identity

ASKED = "the policy asks for it"


def choose(wanted: Wanted, facts: Facts) -> NotesSource | Look:
    """The source of the notes of a release whose changes are known, or what must be looked at first.

    A source that gives nothing is replaced by the merge requests, which there always are, and the reason says so.
    """
    changes = facts.changes.value if isinstance(facts.changes, Seen) else Changes(previous_tag=None, merge_requests=())
    match wanted.rule.notes.strategy:
        case NotesStrategy.MERGE_REQUESTS:
            return NotesSource(strategy=NotesStrategy.MERGE_REQUESTS, reason=ASKED)
        case NotesStrategy.CONVENTIONAL:
            return _conventional(facts, changes)
        case NotesStrategy.CHANGELOG_API:
            return _changelog(facts, ASKED)
        case NotesStrategy.FILE:
            return _file(wanted, facts, ASKED)
        case NotesStrategy.AUTO:
            return _auto(wanted, facts, changes)


def version_words(wanted: Wanted, facts: Facts) -> str | None:
    """The version to look for: that of the files, else the one that the tag announces."""
    known = identity(wanted, facts)
    if known is not None:
        return known.version
    version = version_of_tag(wanted.id.ref) if wanted.id.kind is RefKind.TAG else None
    return None if version is None else str(version)


def _auto(wanted: Wanted, facts: Facts, changes: Changes) -> NotesSource | Look:
    name = wanted.rule.notes.file
    unread = facts.changelog_file is None and changes.paths is not None and name not in changes.paths
    if unread and changes.previous_tag is not None:
        # A section about this version is newer than the release before; what did not change need not be read.
        # Nor is it asked whether there is one.
        said: NotesSource | Look = _instead(f"no {name} was changed since {changes.previous_tag}")
    else:
        said = _file(wanted, facts)
    if isinstance(said, Look) or not said.fallback:
        return said
    forms = facts.forms or forms_of(changes.commits)
    if forms.trailers and wanted.id.kind is RefKind.TAG:
        return _changelog(facts, f"{said.reason}, and commits carry Changelog trailers")
    if forms.mostly:
        why = f"{said.reason}, and most commits follow Conventional Commits"
        return NotesSource(strategy=NotesStrategy.CONVENTIONAL, reason=why)
    why = f"{said.reason}, and commits follow no convention"
    return NotesSource(strategy=NotesStrategy.MERGE_REQUESTS, reason=why)


def _conventional(facts: Facts, changes: Changes) -> NotesSource:
    if (facts.forms or forms_of(changes.commits)).conventional:
        return NotesSource(strategy=NotesStrategy.CONVENTIONAL, reason=ASKED)
    return _instead("no new commit follows Conventional Commits")


def _file(wanted: Wanted, facts: Facts, reason: str = "") -> NotesSource | Look:
    name, version = wanted.rule.notes.file, version_words(wanted, facts)
    if facts.changelog_file is None:
        return Look(LookKind.CHANGELOG_FILE)
    if isinstance(facts.changelog_file, Unreadable):
        return _instead(f"{name} cannot be read: {facts.changelog_file.reason}")
    if not facts.changelog_file.value.there:
        return _instead(f"there is no {name}")
    section = facts.changelog_file.value.section
    if section is None:
        return _instead(f"{name} has no section for {version or 'what is not released'}")
    said = facts.changelog_file.value.what or f"{name} has a section for this version"
    return NotesSource(strategy=NotesStrategy.FILE, reason=reason or said, markdown=section)


def _changelog(facts: Facts, reason: str) -> NotesSource | Look:
    if facts.changelog is None:
        return Look(LookKind.CHANGELOG)
    if isinstance(facts.changelog, Unreadable):
        return _instead(f"GitLab makes no changelog of it: {facts.changelog.reason}")
    if _says_nothing(facts.changelog.value):
        return _instead("GitLab's changelog of it is empty")
    return NotesSource(strategy=NotesStrategy.CHANGELOG_API, reason=reason, markdown=facts.changelog.value)


def _says_nothing(text: str) -> bool:
    """Whether a changelog of GitLab's lists no commit. Source: lib/gitlab/changelog/template.tpl."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("## ")]
    return lines in ([], ["No changes."])


def _instead(why: str) -> NotesSource:
    return NotesSource(strategy=NotesStrategy.MERGE_REQUESTS, reason=why, fallback=True)
