"""Opening and closing of merge requests and issues, which the API and quick actions share."""

from bot.sandbox.rest.call import Call
from bot.sandbox.world.places import Project
from bot.sandbox.world.work import MergeRequest, Noteable


def noun(one: Noteable) -> str:
    """How GitLab's sentences call it."""
    return "merge request" if isinstance(one, MergeRequest) else "issue"


def set_state(call: Call, project: Project, one: Noteable, event: str) -> None:
    """Close or reopen; hooks and events follow."""
    user, now = call.user(), call.world.clock.now()
    one.state = "closed" if event == "close" else "opened"
    one.closed_at, one.closed_by = (now, user) if event == "close" else (None, None)
    one.updated_at = now
    if isinstance(one, MergeRequest):
        call.world.activity.merge_request(project, one, user, event)
        return
    told = "closed" if event == "close" else "opened"
    call.world.activity.event(project, user, told, target_type="Issue", target=(one.id, one.iid, one.title))
