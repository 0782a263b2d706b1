"""See what changed: since which release, and in whose words."""

from __future__ import annotations

from packaging.version import Version

from bot.domain.changelog import section_of, unreleased_of
from bot.domain.distributions import read_tag
from bot.domain.errors import RefusedError
from bot.domain.gitlab import Changes
from bot.domain.refs import RefKind, Tag
from bot.ports.gitlab import Contents, History, Refs
from bot.release.facts import ChangelogFile, Facts, Seen, Wanted
from bot.release.notes_source import version_words
from bot.release.unreleased import readable


def see_changes(refs: Refs, history: History, wanted: Wanted) -> Changes:
    """What is new since the previous release: for a tag the highest lower version that it comes from, among the tags
    that its rule releases; for a branch the commit that it published last.
    """
    if wanted.id.kind is RefKind.BRANCH:
        if wanted.previous is None:
            return history.of_commit(wanted.id.project_id, wanted.id.sha)
        before, after = (_commit(wanted, sha) for sha in (wanted.previous, wanted.id.sha))
        return history.changes(wanted.id.project_id, tag=after, previous=[before])
    tags = refs.tags(wanted.id.project_id)
    named = next((tag for tag in tags if tag.name == wanted.id.ref), None)
    # The release is pinned to its commit, wherever the tag may be by now.
    here = Tag(name=wanted.id.ref, sha=wanted.id.sha, target=wanted.id.sha, protected=bool(named and named.protected))
    return history.changes(wanted.id.project_id, tag=here, previous=lower_tags(wanted, here, tags))


def _commit(wanted: Wanted, sha: str) -> Tag:
    return Tag(name=f"{wanted.id.ref} at {sha[:8]}", sha=sha, target=sha, protected=True)


def lower_tags(wanted: Wanted, here: Tag, tags: tuple[Tag, ...]) -> tuple[Tag, ...]:
    """The tags of earlier releases, highest version first: same prefix, same rule, a lower version (PEP 440).

    A final release looks back to the last final one, so that it tells all that its candidates brought.
    """
    ours = read_tag(here.name)
    older: list[tuple[Version, Tag]] = []
    for tag in tags:
        theirs = read_tag(tag.name)
        if ours.version is None or theirs.version is None or theirs.version >= ours.version:
            continue
        if theirs.version.is_prerelease and not ours.version.is_prerelease:
            continue
        if theirs.prefix == ours.prefix and wanted.rule.matches(wanted.project.full_path, wanted.id.kind, tag.name):
            older.append((theirs.version, tag))
    return tuple(tag for _, tag in sorted(older, key=lambda pair: pair[0], reverse=True))


def see_changelog_file(contents: Contents, wanted: Wanted, facts: Facts) -> ChangelogFile:
    """Parsed here and once: a plan is drawn at every step, and changelogs grow long."""
    text, version = (
        contents.file(wanted.id.project_id, wanted.rule.notes.file, wanted.id.sha),
        version_words(wanted, facts),
    )
    if text is None:
        return ChangelogFile(there=False)
    if version is None:
        what = f"{wanted.rule.notes.file} has a section for what is not released"
        return ChangelogFile(there=True, section=unreleased_of(readable(wanted.rule.notes.file, text)), what=what)
    return ChangelogFile(there=True, section=section_of(readable(wanted.rule.notes.file, text), version))


def see_changelog(history: History, wanted: Wanted, facts: Facts) -> str:
    """GitLab's own changelog of the version, from the release before to the commit. Raises: RefusedError."""
    version = version_words(wanted, facts)
    if version is None:
        raise RefusedError(what=f"{wanted.id.ref} announces no version", where=wanted.project.full_path)
    previous = facts.changes.value.previous_sha if isinstance(facts.changes, Seen) else None
    sha = wanted.id.sha
    return history.changelog(wanted.id.project_id, version=version, sha=sha, previous=previous)


def milestone_titles(wanted: Wanted, facts: Facts) -> tuple[str, ...]:
    """What a milestone of the release would be called: like the tag, or like the version."""
    version = version_words(wanted, facts)
    return tuple(dict.fromkeys((wanted.id.ref, *((version,) if version else ()))))
