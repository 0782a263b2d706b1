"""Milestones, issues, award emoji."""

from bot.sandbox.answers import Json
from bot.sandbox.rest.entities.people import user_basic, user_or_none
from bot.sandbox.world.clock import stamp, stamp_or_none
from bot.sandbox.world.places import Project
from bot.sandbox.world.work import Award, Issue, Milestone, Note, Noteable
from bot.sandbox.world.world import World


def votes(emoji: list[Award], name: str) -> int:
    """How many thumbs."""
    return sum(award.name == name for award in emoji)


def milestone(world: World, project: Project, one: Milestone) -> Json:
    """API::Entities::Milestone."""
    today = world.clock.now().date()
    return {
        "id": one.id,
        "iid": one.iid,
        "project_id": project.id,
        "title": one.title,
        "description": one.description,
        "state": one.state,
        "created_at": stamp(one.created_at),
        "updated_at": stamp(one.updated_at),
        "due_date": one.due_date.isoformat() if one.due_date else None,
        "start_date": one.start_date.isoformat() if one.start_date else None,
        "expired": one.due_date is not None and one.due_date < today,
        "web_url": f"{world.url}/{project.full_path}/-/milestones/{one.iid}",
    }


def milestone_with_stats(world: World, project: Project, one: Milestone) -> Json:
    """API::Entities::MilestoneWithStats, which releases show."""
    issues = [issue for issue in project.issues.values() if issue.milestone is one]
    closed = sum(issue.state == "closed" for issue in issues)
    return milestone(world, project, one) | {"issue_stats": {"total": len(issues), "closed": closed}}


def award(world: World, owner: Noteable | Note, one: Award) -> Json:
    """API::Entities::AwardEmoji."""
    return {
        "id": one.id,
        "name": one.name,
        "user": user_basic(world, one.user),
        "created_at": stamp(one.created_at),
        "updated_at": stamp(one.created_at),
        "awardable_id": owner.id,
        "awardable_type": type(owner).__name__,
        "url": None,
    }


def issue(world: World, project: Project, one: Issue) -> Json:
    """API::Entities::Issue."""
    people = [user_basic(world, person) for person in one.assignees]
    api = f"{world.url}/api/v4/projects/{project.id}"
    return {
        "id": one.id,
        "iid": one.iid,
        "project_id": project.id,
        "title": one.title,
        "description": one.description,
        "state": one.state,
        "created_at": stamp(one.created_at),
        "updated_at": stamp(one.updated_at),
        "closed_at": stamp_or_none(one.closed_at),
        "closed_by": user_or_none(world, one.closed_by),
        "labels": sorted(one.labels),
        "milestone": milestone(world, project, one.milestone) if one.milestone else None,
        "assignees": people,
        "author": user_basic(world, one.author),
        "type": "ISSUE",
        "assignee": people[0] if people else None,
        "user_notes_count": sum(not note.system for note in one.notes.values()),
        "merge_requests_count": 0,
        "upvotes": votes(one.emoji, "thumbsup"),
        "downvotes": votes(one.emoji, "thumbsdown"),
        "start_date": None,
        "due_date": one.due_date.isoformat() if one.due_date else None,
        "confidential": one.confidential,
        "discussion_locked": one.discussion_locked or None,
        "issue_type": "issue",
        "web_url": f"{world.url}/{project.full_path}/-/issues/{one.iid}",
        "time_stats": {
            "time_estimate": 0,
            "total_time_spent": 0,
            "human_time_estimate": None,
            "human_total_time_spent": None,
        },
        "task_completion_status": {"count": 0, "completed_count": 0},
        "has_tasks": False,
        "_links": {
            "self": f"{api}/issues/{one.iid}",
            "notes": f"{api}/issues/{one.iid}/notes",
            "award_emoji": f"{api}/issues/{one.iid}/award_emoji",
            "project": api,
            "closed_as_duplicate_of": None,
        },
        "references": {"short": f"#{one.iid}", "relative": f"#{one.iid}", "full": f"{project.full_path}#{one.iid}"},
        "severity": "UNKNOWN",
        "subscribed": False,
        "moved_to_id": None,
        "imported": False,
        "imported_from": "none",
        "service_desk_reply_to": None,
    }
