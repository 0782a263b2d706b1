"""Release notes before there is a release: what they would say, from reads alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from bot.domain.commits import forms_of
from bot.domain.distributions import version_of_tag
from bot.domain.errors import RefusedError
from bot.domain.notes import NotesStrategy
from bot.domain.policy import HygienePolicy, Policy, ReleaseRule
from bot.domain.refs import Project, RefKind, Tag, matches_wildcard
from bot.domain.releases import ReleaseId, ReleaseState
from bot.domain.report import ReleaseReport
from bot.release.changing import lower_tags
from bot.release.eyes import Eyes
from bot.release.facts import Facts, Look, LookKind, Seen, Wanted
from bot.release.notes_source import choose
from bot.release.observe import observe
from bot.release.report import report
from bot.release.unreleased import see_fragments

# A branch's notes begin at one of its newest releases.
TAGS_TRIED = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Whose notes, at which commit.

    `since` is where they begin (None: at the release before), `strategy` what they are made from (None: as the policy
    says).
    """

    project: Project
    id: ReleaseId
    since: Tag | None = None
    strategy: NotesStrategy | None = None


def rule_of(policy: Policy, question: Question) -> ReleaseRule:
    """The rule that covers the ref, or the nearest thing to one: notes can be read where nothing is released."""
    path, kind, ref = question.project.full_path, question.id.kind, question.id.ref
    rule = policy.rule_for(path, kind, ref)
    if rule is None:
        like = next((one for tag in policy.tags_of(path) if (one := policy.rule_for(path, RefKind.TAG, tag))), None)
        rule = replace(like or ReleaseRule(projects=(path,)), tags=policy.tags_of(path))
    if question.strategy is not None:
        rule = replace(rule, notes=replace(rule.notes, strategy=question.strategy))
    return rule


def draft(eyes: Eyes, policy: Policy, question: Question, now: datetime) -> ReleaseReport:
    """A report that has all the notes are made from, and nothing of a release. Raises: TransientError, RefusedError."""
    wanted = Wanted(
        id=question.id,
        project=question.project,
        rule=rule_of(policy, question),
        indexes=(),
        hygiene=HygienePolicy(),
        asked=now,
    )
    sha = question.id.sha
    here = Tag(name=question.id.ref, sha=sha, target=sha, protected=True)
    previous = (question.since,) if question.since else _before(eyes, wanted, here)
    changes = eyes.history.changes(question.project.id, tag=here, previous=previous)
    facts = Facts(now=now, changes=Seen(changes), forms=forms_of(changes.commits))
    if wanted.id.kind is RefKind.BRANCH and wanted.rule.notes.strategy in (NotesStrategy.FILE, NotesStrategy.AUTO):
        fragments = see_fragments(eyes.contents, wanted.id.project_id, sha)
        facts = facts if fragments is None else replace(facts, changelog_file=Seen(fragments))
    source = choose(wanted, facts)
    while isinstance(source, Look):
        assert source.kind in (LookKind.CHANGELOG_FILE, LookKind.CHANGELOG), "no other look can tell what changed"
        facts = observe(eyes, wanted, facts, source)
        source = choose(wanted, facts)
    said = report(wanted, facts, ReleaseState.PLANNED, (), (), None)
    version = version_of_tag(question.id.ref) if question.id.kind is RefKind.TAG else None
    return replace(said, version=None if version is None else str(version), source=source)


def _before(eyes: Eyes, wanted: Wanted, here: Tag) -> tuple[Tag, ...]:
    """Where the notes may begin: a tag's earlier versions; for a branch the newest releases."""
    tags = eyes.refs.tags(wanted.id.project_id)
    if wanted.id.kind is RefKind.TAG:
        return lower_tags(wanted, here, tags)
    known = [
        (version, tag)
        for tag in tags
        if (version := version_of_tag(tag.name)) is not None
        and not version.is_prerelease
        and any(matches_wildcard(pattern, tag.name) for pattern in wanted.rule.tags or ("v*",))
    ]
    return tuple(tag for _, tag in sorted(known, key=lambda pair: pair[0], reverse=True))[:TAGS_TRIED]


def since_of(eyes: Eyes, project: Project, ref: str) -> Tag:
    """The tag, else the head of the branch, of that name. Raises: RefusedError with status 404."""
    tag = eyes.refs.tag(project.id, ref)
    if tag is not None:
        return tag
    branch = eyes.refs.branch(project.id, ref)
    if branch is None:
        what = f"project {project.full_path} has neither a tag nor a branch {ref}"
        raise RefusedError(what=what, where="--since", status=404)
    return Tag(name=branch.name, sha=branch.sha, target=branch.sha, protected=branch.protected)
