"""Compare a project's tags with those known, and say which changes are releases."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from bot.domain.policy import Policy, Source
from bot.domain.refs import ChangeSource, Project, RefAction, RefChange, RefKind, Tag
from bot.domain.releases import Release, ReleaseId, ReleaseState


def compare(
    project: Project, known: Mapping[str, str] | None, tags: Iterable[Tag], *, since: datetime | None
) -> tuple[RefChange, ...]:
    """What happened to the tags since they were last compared.

    Without a baseline (`known` is None) a tag counts as created if it is younger than `since` (None: any tag). A
    lightweight tag has no time of its own: it is surely younger only if its commit is.
    """
    changes: list[RefChange] = []
    now: dict[str, str] = {}
    for tag in tags:
        now[tag.name] = tag.sha
        before = None if known is None else known.get(tag.name)
        if before == tag.sha or (known is None and not _younger(tag, since)):
            continue
        action = RefAction.CREATED if before is None else RefAction.MOVED
        changes.append(_change(project, tag.name, tag.sha, action))
    for name, sha in (known or {}).items():
        if name not in now:
            changes.append(_change(project, name, sha, RefAction.DELETED))
    return tuple(changes)


def releases_of(changes: Iterable[RefChange], policy: Policy, now: datetime) -> tuple[Release, ...]:
    """The releases that ref changes start: created or moved tags that a rule covers."""
    started = []
    for change in changes:
        if change.action is RefAction.DELETED:
            continue
        release = new_release(change.project_id, change.project, change.ref, change.sha, policy, now)
        if release is not None:
            started.append(release)
    return tuple(started)


def new_release(project_id: int, project: str, ref: str, sha: str, policy: Policy, now: datetime) -> Release | None:
    """A planned release of a tag, or None if no rule covers it."""
    rule = policy.rule_for(project, RefKind.TAG, ref)
    if rule is None:
        return None
    reason = (
        "policy asks for artifacts" if rule.source is Source.ARTIFACTS else "auto: the pipeline's jobs made the files"
    )
    return Release(
        id=ReleaseId(project_id=project_id, kind=RefKind.TAG, ref=ref, sha=sha),
        project=project,
        state=ReleaseState.PLANNED,
        created_at=now,
        updated_at=now,
        asked_at=now,
        due_at=now,
        source=Source.ARTIFACTS,
        source_reason=reason,
    )


def _younger(tag: Tag, since: datetime | None) -> bool:
    if since is None:
        return True
    moment = tag.created_at or tag.committed_at
    return moment is not None and moment > since


def _change(project: Project, ref: str, sha: str, action: RefAction) -> RefChange:
    return RefChange(
        project_id=project.id,
        project=project.full_path,
        kind=RefKind.TAG,
        ref=ref,
        sha=sha,
        action=action,
        source=ChangeSource.POLL,
    )
