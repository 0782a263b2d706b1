"""What hooks say of issues, notes and reactions.

Source: lib/gitlab/data_builder/{note,emoji}.rb, lib/gitlab/hook_data/issue_builder.rb.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.sandbox.hooks.payloads import Payload, label_attributes, moment, project_attributes, user_attributes
from bot.sandbox.world.people import User
from bot.sandbox.world.places import Project
from bot.sandbox.world.work import Issue, MergeRequest, Note

if TYPE_CHECKING:
    from bot.sandbox.world.world import World


def _web(world: World, project: Project, owner: Issue | MergeRequest) -> str:
    kind = "issues" if isinstance(owner, Issue) else "merge_requests"
    return f"{world.url}/{project.full_path}/-/{kind}/{owner.iid}"


def _frame(world: World, project: Project, kind: str, user: User) -> Payload:
    return {
        "object_kind": kind,
        "event_type": kind,
        "user": user_attributes(user),
        "project_id": project.id,
        "project": project_attributes(world, project),
        "repository": {"name": project.name, "homepage": f"{world.url}/{project.full_path}"},
    }


def _brief(world: World, project: Project, owner: Issue | MergeRequest) -> Payload:
    return {
        "id": owner.id,
        "iid": owner.iid,
        "title": owner.title,
        "description": owner.description,
        "state": owner.state,
        "author_id": owner.author.id,
        "project_id": project.id,
        "created_at": moment(owner.created_at),
        "updated_at": moment(owner.updated_at),
        "labels": [label_attributes(project, name) for name in owner.labels],
        "url": _web(world, project, owner),
    }


def issue(world: World, project: Project, one: Issue, user: User, action: str) -> Payload:
    """A change of an issue: open, update, close, reopen."""
    attributes = _brief(world, project, one) | {"action": action, "confidential": one.confidential}
    return _frame(world, project, "issue", user) | {
        "object_attributes": attributes,
        "labels": attributes["labels"],
        "changes": {},
        "assignees": [user_attributes(person) for person in one.assignees],
    }


def note(world: World, project: Project, owner: Issue | MergeRequest, one: Note, action: str) -> Payload:
    """A note that was written (`create`) or changed (`update`)."""
    attributes: Payload = {
        "id": one.id,
        "note": one.body,
        "noteable_type": type(owner).__name__,
        "noteable_id": owner.id,
        "author_id": one.author.id,
        "project_id": project.id,
        "created_at": moment(one.created_at),
        "updated_at": moment(one.updated_at),
        "type": "DiscussionNote" if one.threaded else None,
        "discussion_id": one.discussion_id,
        "description": one.body,
        "system": one.system,
        "internal": one.internal,
        "action": action,
        "url": f"{_web(world, project, owner)}#note_{one.id}",
    }
    quiet = one.internal or (isinstance(owner, Issue) and owner.confidential)
    subject = "issue" if isinstance(owner, Issue) else "merge_request"
    return _frame(world, project, "note", one.author) | {
        "event_type": "confidential_note" if quiet else "note",
        "object_attributes": attributes,
        subject: _brief(world, project, owner),
    }


def emoji(world: World, project: Project, owner: Issue | MergeRequest, one: Note, user: User) -> Payload:
    """A thumbs-up for a note, as a test of the hook makes it up."""
    now = moment(world.clock.now())
    return _frame(world, project, "emoji", user) | {
        "event_type": "award",
        "object_attributes": {
            "id": 1,
            "name": "thumbsup",
            "user_id": user.id,
            "awardable_type": "Note",
            "awardable_id": one.id,
            "action": "award",
            "created_at": now,
            "updated_at": now,
            "awarded_on_url": f"{_web(world, project, owner)}#note_{one.id}",
        },
        "note": note(world, project, owner, one, "create")["object_attributes"],
    }
