"""Compare a project's refs with those known, and say which changes are releases."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from bot.domain.policy import Policy, Source
from bot.domain.refs import (
    Branch,
    ChangeSource,
    KnownRefs,
    Project,
    RefAction,
    RefChange,
    RefKind,
    Tag,
    matches_wildcard,
)
from bot.domain.releases import UNDECIDED, Release, ReleaseId, ReleaseState

Proven = frozenset[tuple[RefKind, str, str]]
"""Refs and the commits that an event says were pushed to them."""


def compare(
    project: Project,
    known: Mapping[str, str] | None,
    tags: Iterable[Tag],
    *,
    since: datetime | None,
    proven: Proven = frozenset(),
) -> tuple[RefChange, ...]:
    """What happened to the tags since they were last compared.

    Without a baseline (`known` is None) a tag counts as created if it is younger than `since` (None: any tag). A
    lightweight tag has no time of its own: it is surely younger only if its commit is, or if it is `proven` to have
    been pushed since.
    """
    changes: list[RefChange] = []
    now: dict[str, str] = {}
    for tag in tags:
        now[tag.name] = tag.sha
        before = None if known is None else known.get(tag.name)
        if before == tag.sha:
            continue
        if known is None and not younger(tag, since) and (RefKind.TAG, tag.name, tag.sha) not in proven:
            continue
        action = RefAction.CREATED if before is None else RefAction.MOVED
        changes.append(_change(project, RefKind.TAG, tag.name, tag.sha, action))
    for name, sha in (known or {}).items():
        if name not in now:
            changes.append(_change(project, RefKind.TAG, name, sha, RefAction.DELETED))
    return tuple(changes)


def compare_branches(
    project: Project,
    known: KnownRefs,
    branches: Iterable[Branch],
    *,
    since: datetime | None,
    proven: Proven = frozenset(),
) -> tuple[RefChange, ...]:
    """What happened to the branches that policy names since they were last compared.

    A branch that no pattern covered then is seen for the first time: its head is news only if the commit is younger
    than `since` (None: any), or if it is `proven` to have been pushed since.
    """
    changes: list[RefChange] = []
    now: set[str] = set()
    for branch in branches:
        now.add(branch.name)
        before = known.branches.get(branch.name)
        if before == branch.sha:
            continue
        first = not any(matches_wildcard(pattern, branch.name) for pattern in known.patterns)
        new = younger(branch, since) or (RefKind.BRANCH, branch.name, branch.sha) in proven
        if before is None and first and not new:
            continue
        action = RefAction.CREATED if before is None else RefAction.MOVED
        changes.append(_change(project, RefKind.BRANCH, branch.name, branch.sha, action))
    for name, sha in known.branches.items():
        if name not in now:
            changes.append(_change(project, RefKind.BRANCH, name, sha, RefAction.DELETED))
    return tuple(changes)


def releases_of(changes: Iterable[RefChange], policy: Policy, now: datetime) -> tuple[Release, ...]:
    """The releases that ref changes start: created or moved refs that a rule covers."""
    started = []
    for change in changes:
        if change.action is RefAction.DELETED:
            continue
        id_ = ReleaseId(project_id=change.project_id, kind=change.kind, ref=change.ref, sha=change.sha)
        release = new_release(id_, change.project, policy, now)
        if release is not None:
            started.append(release)
    return tuple(started)


def new_release(id_: ReleaseId, project: str, policy: Policy, now: datetime) -> Release | None:
    """A planned release of a ref, or None if no rule covers it."""
    rule = policy.rule_for(project, id_.kind, id_.ref)
    if rule is None:
        return None
    reason = UNDECIDED if rule.source is Source.AUTO else f"policy asks for {rule.source.value}"
    return Release(
        id=id_,
        project=project,
        state=ReleaseState.PLANNED,
        created_at=now,
        updated_at=now,
        asked_at=now,
        due_at=now,
        source=rule.source,
        source_reason=reason,
    )


def younger(ref: Tag | Branch, since: datetime | None) -> bool:
    """Whether the ref is surely younger than a moment (None: always)."""
    if since is None:
        return True
    moment = (ref.created_at if isinstance(ref, Tag) else None) or ref.committed_at
    return moment is not None and moment > since


def _change(project: Project, kind: RefKind, ref: str, sha: str, action: RefAction) -> RefChange:
    return RefChange(
        project_id=project.id,
        project=project.full_path,
        kind=kind,
        ref=ref,
        sha=sha,
        action=action,
        source=ChangeSource.POLL,
    )
