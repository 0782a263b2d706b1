"""Merge requests, notes, releases, hooks, events, variables."""

from bot.sandbox.answers import Json
from bot.sandbox.git.repository import Commit
from bot.sandbox.rest.entities import code, planning
from bot.sandbox.rest.entities.people import user_basic, user_or_none
from bot.sandbox.world import flow
from bot.sandbox.world.clock import stamp, stamp_or_none
from bot.sandbox.world.places import Project
from bot.sandbox.world.settings import Variable
from bot.sandbox.world.work import Event, MergeRequest, Note, Noteable, Release, ReleaseLink
from bot.sandbox.world.world import World


def is_draft(one: MergeRequest) -> bool:
    """Whether the title marks it as a draft. Source: app/models/merge_request.rb DRAFT_REGEX."""
    return one.title.lower().startswith(("draft:", "[draft]", "(draft)"))


def resolved(one: MergeRequest) -> bool:
    """Whether no thread is open."""
    return all(note.resolved_at is not None for note in one.notes.values() if note.resolvable)


def merge_request(world: World, project: Project, one: MergeRequest) -> Json:
    """API::Entities::MergeRequestBasic."""
    people = [user_basic(world, person) for person in one.assignees]
    draft = is_draft(one)
    mergeable, open_threads = one.state == "opened", not resolved(one)
    return {
        "id": one.id,
        "iid": one.iid,
        "project_id": project.id,
        "title": one.title,
        "description": one.description,
        "state": one.state,
        "created_at": stamp(one.created_at),
        "updated_at": stamp(one.updated_at),
        "merged_by": user_or_none(world, one.merge_user),
        "merge_user": user_or_none(world, one.merge_user),
        "merged_at": stamp_or_none(one.merged_at),
        "closed_by": user_or_none(world, one.closed_by),
        "closed_at": stamp_or_none(one.closed_at),
        "target_branch": one.target_branch,
        "source_branch": one.source_branch,
        "user_notes_count": sum(not note.system for note in one.notes.values()),
        "upvotes": planning.votes(one.emoji, "thumbsup"),
        "downvotes": planning.votes(one.emoji, "thumbsdown"),
        "author": user_basic(world, one.author),
        "assignees": people,
        "assignee": people[0] if people else None,
        "reviewers": [user_basic(world, person) for person in one.reviewers],
        "source_project_id": project.id,
        "target_project_id": project.id,
        "labels": list(one.labels),
        "draft": draft,
        "imported": False,
        "imported_from": "none",
        "work_in_progress": draft,
        "milestone": planning.milestone(world, project, one.milestone) if one.milestone else None,
        "merge_when_pipeline_succeeds": False,
        "merge_status": "can_be_merged" if mergeable else "unchecked",
        "detailed_merge_status": ("draft_status" if draft else "mergeable") if mergeable else "not_open",
        "sha": one.head_sha,
        "merge_commit_sha": one.merge_commit_sha,
        "squash_commit_sha": one.squash_commit_sha,
        "discussion_locked": one.discussion_locked or None,
        "should_remove_source_branch": None,
        "force_remove_source_branch": None,
        "prepared_at": stamp(one.created_at),
        "reference": f"!{one.iid}",
        "references": {
            "short": f"!{one.iid}",
            "relative": f"!{one.iid}",
            "full": f"{project.full_path}!{one.iid}",
        },
        "web_url": f"{world.url}/{project.full_path}/-/merge_requests/{one.iid}",
        "time_stats": {
            "time_estimate": 0,
            "total_time_spent": 0,
            "human_time_estimate": None,
            "human_total_time_spent": None,
        },
        "squash": one.squash,
        "squash_on_merge": flow.squashes(project, one.squash),
        "task_completion_status": {"count": 0, "completed_count": 0},
        "has_conflicts": False,
        "blocking_discussions_resolved": not open_threads,
    }


def note(world: World, project: Project, one: Noteable, shown: Note) -> Json:
    """API::Entities::Note. Whether it is resolved is told of threads only."""
    told: Json = {
        "id": shown.id,
        "type": "DiscussionNote" if shown.threaded else None,
        "body": shown.body,
        "author": user_basic(world, shown.author),
        "created_at": stamp(shown.created_at),
        "updated_at": stamp(shown.updated_at),
        "system": shown.system,
        "noteable_id": one.id,
        "noteable_type": type(one).__name__,
        "project_id": project.id,
        "resolvable": shown.resolvable,
        "confidential": shown.internal,
        "internal": shown.internal,
        "imported": False,
        "imported_from": "none",
        "noteable_iid": one.iid,
        "commands_changes": {},
    }
    if shown.resolvable:
        told |= {
            "resolved": shown.resolved_at is not None,
            "resolved_by": user_or_none(world, shown.resolved_by),
            "resolved_at": stamp_or_none(shown.resolved_at),
        }
    return told


def release_link(world: World, project: Project, release: Release, one: ReleaseLink) -> Json:
    """API::Entities::Releases::Link."""
    direct = one.url
    if one.filepath:
        direct = f"{world.url}/{project.full_path}/-/releases/{release.tag}/downloads{one.filepath}"
    return {
        "id": one.id,
        "name": one.name,
        "url": one.url,
        "direct_asset_url": direct,
        "link_type": one.link_type,
    }


def release(world: World, project: Project, one: Release, commit: Commit | None, *, detailed: bool) -> Json:
    """API::Entities::Release; `detailed` adds what only those who may read code see."""
    web = f"{world.url}/{project.full_path}"
    archive = f"{web}/-/archive/{one.tag}/{project.path}-{one.tag}"
    shown: Json = {
        "name": one.name,
        "tag_name": one.tag,
        "description": one.description,
        "created_at": stamp(one.created_at),
        "released_at": stamp(one.released_at),
        "upcoming_release": one.released_at > world.clock.now(),
        "author": user_or_none(world, one.author),
    }
    if commit is not None and detailed:
        shown |= {
            "commit": code.commit(world, project, commit),
            "commit_path": f"/{project.full_path}/-/commit/{commit.id}",
            "tag_path": f"/{project.full_path}/-/tags/{one.tag}",
        }
    sources = ("zip", "tar.gz", "tar.bz2", "tar") if detailed else ()
    shown |= {
        "milestones": [planning.milestone_with_stats(world, project, each) for each in one.milestones],
        "evidences": [],
        "assets": {
            "count": len(one.links) + len(sources),
            "sources": [{"format": kind, "url": f"{archive}.{kind}"} for kind in sources],
            "links": [release_link(world, project, one, link) for link in reversed(one.links.values())],
        },
        "_links": {
            "self": f"{web}/-/releases/{one.tag}",
            "edit_url": f"{web}/-/releases/{one.tag}/edit",
        },
    }
    return shown


def variable(one: Variable, *, instance: bool = False) -> Json:
    """API::Entities::Ci::Variable. The value is null when hidden; instance rows have no scope."""
    shown: Json = {
        "variable_type": one.variable_type,
        "key": one.key,
        "value": None if one.hidden else one.value,
        "hidden": one.hidden,
        "protected": one.protected,
        "masked": one.masked,
        "raw": one.raw,
    }
    if not instance:
        shown["environment_scope"] = one.environment_scope
    return shown | {"description": one.description}


def event(world: World, project: Project, one: Event) -> Json:
    """API::Entities::Event; one about a note carries the note as it is now."""
    shown: Json = {
        "id": one.id,
        "project_id": one.project_id,
        "action_name": one.action_name,
        "target_id": one.target_id,
        "target_iid": one.target_iid,
        "target_type": one.target_type,
        "author_id": one.author.id,
        "target_title": one.target_title,
        "created_at": stamp(one.created_at),
        "author": user_basic(world, one.author),
        "imported": False,
        "imported_from": "none",
    }
    if one.push is not None:
        shown["push_data"] = {
            "commit_count": one.push.commit_count,
            "action": one.push.action,
            "ref_type": one.push.ref_type,
            "commit_from": one.push.commit_from,
            "commit_to": one.push.commit_to,
            "ref": one.push.ref,
            "commit_title": one.push.commit_title,
            "ref_count": one.push.ref_count,
        }
    if one.note is not None:
        shown["note"] = note(world, project, *one.note)
    return shown | {"author_username": one.author.username}
