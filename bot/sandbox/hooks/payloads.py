"""What hooks say. Source: lib/gitlab/data_builder/*.rb, lib/gitlab/hook_data/*.rb."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeAlias

from bot.sandbox.ci.model import Job, Pipeline
from bot.sandbox.git.changes import BLANK, RefChange
from bot.sandbox.git.repository import Commit
from bot.sandbox.world.people import User
from bot.sandbox.world.places import Project
from bot.sandbox.world.work import MergeRequest, Release

if TYPE_CHECKING:
    from bot.sandbox.world.world import World

Payload: TypeAlias = dict[str, object]

COMMITS_IN_PAYLOAD = 20
"""Source: Gitlab::DataBuilder::Push."""

VISIBILITY_LEVELS = {"private": 0, "internal": 10, "public": 20}


def moment(when: datetime | None) -> str | None:
    """A time as most payloads print it."""
    return None if when is None else when.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def project_attributes(world: World, project: Project) -> Payload:
    """The `project` object of every payload."""
    web = f"{world.url}/{project.full_path}"
    return {
        "id": project.id,
        "name": project.name,
        "description": project.description,
        "web_url": web,
        "avatar_url": None,
        "git_ssh_url": f"git@localhost:{project.full_path}.git",
        "git_http_url": f"{web}.git",
        "namespace": project.namespace.name,
        "visibility_level": VISIBILITY_LEVELS[project.visibility],
        "path_with_namespace": project.full_path,
        "default_branch": project.default_branch,
        "ci_config_path": project.settings.ci_config_path or None,
        "homepage": web,
        "url": f"git@localhost:{project.full_path}.git",
        "ssh_url": f"git@localhost:{project.full_path}.git",
        "http_url": f"{web}.git",
    }


def user_attributes(user: User) -> Payload:
    """The `user` object of payloads."""
    return {"id": user.id, "name": user.name, "username": user.username, "avatar_url": None, "email": "[REDACTED]"}


def commit_attributes(world: World, project: Project, commit: Commit) -> Payload:
    """One entry of `commits`."""
    return {
        "id": commit.id,
        "message": commit.message,
        "title": commit.title,
        "timestamp": commit.committed.isoformat(),
        "url": f"{world.url}/{project.full_path}/-/commit/{commit.id}",
        "author": {"name": commit.author_name, "email": commit.author_email},
        "added": [],
        "modified": [],
        "removed": [],
    }


def push(
    world: World,
    project: Project,
    user: User,
    change: RefChange,
    commits: list[Commit],
    *,
    total: int,
    message: str | None,
    push_options: dict[str, object],
) -> Payload:
    """A push or tag push. `commits` oldest first; `after` is the tag object for an annotated tag."""
    peeled = project.git.refs().get(change.ref)
    checkout = None if change.after == BLANK or peeled is None else peeled.commit
    kind = "tag_push" if change.tag else "push"
    return {
        "object_kind": kind,
        "event_name": kind,
        "before": change.before,
        "after": change.after,
        "ref": change.ref,
        "ref_protected": project.protects(change.name, tag=change.tag),
        "checkout_sha": checkout,
        "message": message,
        "user_id": user.id,
        "user_name": user.name,
        "user_username": user.username,
        "user_email": "",
        "user_avatar": None,
        "project_id": project.id,
        "project": project_attributes(world, project),
        "commits": [commit_attributes(world, project, one) for one in commits[-COMMITS_IN_PAYLOAD:]],
        "total_commits_count": total,
        "push_options": push_options,
        "repository": {
            "name": project.name,
            "url": f"git@localhost:{project.full_path}.git",
            "description": project.description,
            "homepage": f"{world.url}/{project.full_path}",
            "git_http_url": f"{world.url}/{project.full_path}.git",
            "git_ssh_url": f"git@localhost:{project.full_path}.git",
            "visibility_level": VISIBILITY_LEVELS[project.visibility],
        },
    }


def repository_update(world: World, project: Project, user: User, changes: list[RefChange]) -> Payload:
    """The system hook that names every ref of a push, however many."""
    return {
        "event_name": "repository_update",
        "user_id": user.id,
        "user_name": user.name,
        "user_email": user.email,
        "user_avatar": None,
        "project_id": project.id,
        "project": project_attributes(world, project),
        "changes": [{"before": one.before, "after": one.after, "ref": one.ref} for one in changes],
        "refs": sorted({one.ref for one in changes}),
    }


def merge_request(
    world: World, project: Project, one: MergeRequest, user: User, action: str, *, oldrev: str | None = None
) -> Payload:
    """A change of a merge request: open, update, close, reopen, merge, approved, unapproved."""
    attributes: Payload = {
        "id": one.id,
        "iid": one.iid,
        "title": one.title,
        "description": one.description,
        "state": one.state,
        "action": action,
        "author_id": one.author.id,
        "assignee_ids": [person.id for person in one.assignees],
        "source_branch": one.source_branch,
        "target_branch": one.target_branch,
        "source_project_id": project.id,
        "target_project_id": project.id,
        "target_branch_protected": project.protects(one.target_branch, tag=False),
        "created_at": moment(one.created_at),
        "updated_at": moment(one.updated_at),
        "merged_at": moment(one.merged_at),
        "merge_commit_sha": one.merge_commit_sha,
        "squash_commit_sha": one.squash_commit_sha,
        "merge_user_id": one.merge_user.id if one.merge_user else None,
        "draft": one.title.lower().startswith("draft:"),
        "labels": [label_attributes(project, name) for name in one.labels],
        "last_commit": {"id": one.head_sha},
        "url": f"{world.url}/{project.full_path}/-/merge_requests/{one.iid}",
    }
    if oldrev is not None:
        attributes["oldrev"] = oldrev
    return {
        "object_kind": "merge_request",
        "event_type": "merge_request",
        "user": user_attributes(user),
        "project": project_attributes(world, project),
        "object_attributes": attributes,
        "labels": attributes["labels"],
        "changes": {},
        "repository": {"name": project.name, "homepage": f"{world.url}/{project.full_path}"},
    }


def label_attributes(project: Project, name: str) -> Payload:
    """A label as payloads carry it; labels here have no record of their own."""
    return {"title": name, "color": "#428BCA", "project_id": project.id, "type": "ProjectLabel"}


def release(world: World, project: Project, one: Release, commit: Commit, action: str) -> Payload:
    """A release that was created, changed or deleted."""
    web = f"{world.url}/{project.full_path}"
    return {
        "id": project.id,
        "object_kind": "release",
        "action": action,
        "created_at": moment(one.created_at),
        "released_at": moment(one.released_at),
        "name": one.name,
        "tag": one.tag,
        "description": one.description,
        "url": f"{web}/-/releases/{one.tag}",
        "project": project_attributes(world, project),
        "assets": {
            "count": len(one.links) + 1,
            "links": [
                {"id": link.id, "link_type": link.link_type, "name": link.name, "url": link.url}
                for link in one.links.values()
            ],
            "sources": [{"format": "zip", "url": f"{web}/-/archive/{one.tag}/{project.path}-{one.tag}.zip"}],
        },
        "commit": commit_attributes(world, project, commit),
    }


def job_attributes(one: Job, user: User | None) -> Payload:
    """One entry of a pipeline's `builds`."""
    return {
        "id": one.id,
        "stage": one.stage,
        "name": one.name,
        "status": one.status,
        "created_at": moment(one.created_at),
        "started_at": moment(one.started_at),
        "finished_at": moment(one.finished_at),
        "duration": one.duration,
        "failure_reason": one.failure_reason,
        "when": one.when,
        "manual": one.when == "manual",
        "allow_failure": one.allow_failure,
        "user": user_attributes(user) if user else None,
        "environment": {"name": one.environment} if one.environment else None,
    }


def pipeline(
    world: World, project: Project, one: Pipeline, jobs: list[Job], commit: Commit | None, user: User | None
) -> Payload:
    """A pipeline's state; its variables carry their values, as GitLab's do."""
    web = f"{world.url}/{project.full_path}"
    return {
        "object_kind": "pipeline",
        "object_attributes": {
            "id": one.id,
            "iid": one.iid,
            "name": None,
            "ref": one.ref,
            "tag": one.tag,
            "sha": one.sha,
            "before_sha": one.before_sha,
            "source": one.source,
            "status": one.status,
            "detailed_status": one.status,
            "protected_ref": project.protects(one.ref, tag=one.tag),
            "stages": list(dict.fromkeys(job.stage for job in jobs)),
            "created_at": moment(one.created_at),
            "finished_at": moment(one.finished_at),
            "duration": one.duration,
            "variables": [{"key": row["key"], "value": row["value"]} for row in one.variables],
            "url": f"{web}/-/pipelines/{one.id}",
        },
        "merge_request": None,
        "user": user_attributes(user) if user else None,
        "project": project_attributes(world, project),
        "commit": commit_attributes(world, project, commit) if commit else None,
        "builds": [job_attributes(job, user) for job in jobs],
    }


def build(
    world: World, project: Project, pipe: Pipeline, one: Job, commit: Commit | None, user: User | None
) -> Payload:
    """A job's state; `commit.id` is the pipeline's id, as in GitLab."""
    return {
        "object_kind": "build",
        "ref": one.ref,
        "tag": one.tag,
        "before_sha": pipe.before_sha,
        "sha": pipe.sha,
        "build_id": one.id,
        "build_name": one.name,
        "build_stage": one.stage,
        "build_status": one.status,
        "build_created_at": moment(one.created_at),
        "build_started_at": moment(one.started_at),
        "build_finished_at": moment(one.finished_at),
        "build_duration": one.duration,
        "build_allow_failure": one.allow_failure,
        "build_failure_reason": one.failure_reason or "unknown_failure",
        "pipeline_id": pipe.id,
        "project_id": project.id,
        "project_name": f"{project.namespace.full_path} / {project.name}",
        "user": user_attributes(user) if user else None,
        "commit": {
            "id": pipe.id,
            "name": None,
            "sha": pipe.sha,
            "message": commit.message if commit else None,
            "author_name": commit.author_name if commit else None,
            "status": pipe.status,
        },
        "project": project_attributes(world, project),
        "environment": {"name": one.environment} if one.environment else None,
    }
