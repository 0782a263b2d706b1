"""Merge requests: list, one, create, change, merge, commits."""

from collections.abc import Callable, Iterable

from bot.sandbox.answers import Answer, Json, forbidden, invalid, message, no_record
from bot.sandbox.git.changes import MergeConflictError
from bot.sandbox.malformed import whole_number
from bot.sandbox.rest.bounds import check_texts
from bot.sandbox.rest.call import Call, created, ok
from bot.sandbox.rest.entities import ci, code, work
from bot.sandbox.rest.entities.people import user_basic
from bot.sandbox.rest.paging import paged
from bot.sandbox.rest.projects import moment
from bot.sandbox.rest.quick_actions import described
from bot.sandbox.rest.routing import Routes
from bot.sandbox.rest.states import set_state
from bot.sandbox.world import access, flow
from bot.sandbox.world.people import Level, User
from bot.sandbox.world.places import Project
from bot.sandbox.world.work import MergeRequest, Milestone

ROUTES = Routes()

STATES = ("opened", "closed", "locked", "merged", "all")
_CHANGEABLE = (
    "assignee_ids",
    "reviewer_ids",
    "milestone_id",
    "discussion_locked",
    "title",
    "description",
    "labels",
    "add_labels",
    "remove_labels",
    "state_event",
    "target_branch",
    "squash",
)


def merge_request_of(call: Call) -> tuple[Project, MergeRequest]:
    """Project and merge request of the path. Guests of private projects do not see any. Raises: RefusalError (404)."""
    project = call.project()
    one = project.merge_requests.get(call.number("iid"))
    if one is None or (project.visibility == "private" and call.level(project) < Level.PLANNER):
        raise no_record()
    return project, one


def milestone_asked(call: Call, project: Project, known: Milestone | None) -> Milestone | None:
    """The milestone of `milestone_id`; 0 or empty removes it. One of another project is ignored, as by GitLab."""
    if not call.params.has("milestone_id"):
        return known
    return project.milestones.get(call.params.integer("milestone_id") or 0)


def people_asked(call: Call, name: str, known: list[User]) -> list[User]:
    """The users of `assignee_ids` or `reviewer_ids`; unknown ones and 0 are left out."""
    if not call.params.has(name):
        return known
    ids = [whole_number(text) for text in call.params.texts(name) if text.isdecimal()]
    return [user for user in (call.world.users.get(number) for number in ids) if user is not None]


def _details(call: Call, project: Project, one: MergeRequest) -> Json:
    """API::Entities::MergeRequest: the list's fields and those only one request has."""
    heads = [pipe for pipe in call.pipelines.pipelines(project.id) if pipe.sha == one.head_sha]
    head = ci.pipeline(call.world, project, heads[0]) if heads else None
    return work.merge_request(call.world, project, one) | {
        "subscribed": False,
        "changes_count": str(len(one.commit_shas)),
        "latest_build_started_at": None,
        "latest_build_finished_at": None,
        "first_deployed_to_production_at": None,
        "pipeline": ci.pipeline_basic(call.world, project, heads[0]) if heads else None,
        "head_pipeline": head,
        "diff_refs": {"base_sha": one.base_sha, "head_sha": one.head_sha, "start_sha": one.base_sha},
        "merge_error": None,
        "user": {"can_merge": access.can_merge_branch(call.viewer(), project, one.target_branch)},
    }


def _listed(call: Call, projects: Iterable[Project], by: User | None = None) -> Answer:
    """Those of some projects, of one author if that is given; newest created first.

    Filters: state, iids, labels, search, branches, author, times.
    """
    params = call.params
    state = params.choice("state", STATES, "all")
    iids = {whole_number(text) for text in params.texts("iids") if text.isdecimal()}
    labels, search = set(params.texts("labels")), (params.text("search") or "").lower()
    bounds = {
        name: moment(call, name) for name in ("created_after", "created_before", "updated_after", "updated_before")
    }
    merged_after, merged_before = moment(call, "merged_after"), moment(call, "merged_before")
    username, author = params.text("author_username"), params.integer("author_id")

    def passes(one: MergeRequest) -> bool:
        return (
            state in ("all", one.state)
            and by in (None, one.author)
            and (not iids or one.iid in iids)
            and labels <= set(one.labels)
            and (not search or search in one.title.lower() or search in one.description.lower())
            and params.text("source_branch") in (None, one.source_branch)
            and params.text("target_branch") in (None, one.target_branch)
            and username in (None, one.author.username)
            and author in (None, one.author.id)
            and ((low := bounds["created_after"]) is None or one.created_at >= low)
            and ((high := bounds["created_before"]) is None or one.created_at <= high)
            and ((low := bounds["updated_after"]) is None or one.updated_at >= low)
            and ((high := bounds["updated_before"]) is None or one.updated_at <= high)
            and (merged_after is None or (one.merged_at is not None and one.merged_at >= merged_after))
            and (merged_before is None or (one.merged_at is not None and one.merged_at <= merged_before))
        )

    orders: dict[str, Callable[[MergeRequest], tuple[object, ...]]] = {
        "created_at": lambda one: (one.created_at, one.id),
        "updated_at": lambda one: (one.updated_at, one.id),
        "merged_at": lambda one: (one.merged_at is not None, one.merged_at or one.created_at, one.id),
        "title": lambda one: (one.title, one.id),
    }
    order = orders[params.choice("order_by", orders, "created_at")]
    rows = [(place, one) for place in projects for one in list(place.merge_requests.values()) if passes(one)]
    falling = params.choice("sort", ("asc", "desc"), "desc") == "desc"
    rows.sort(key=lambda row: order(row[1]), reverse=falling)
    return paged(call, rows, lambda row: work.merge_request(call.world, *row))


def _sees(call: Call, project: Project) -> bool:
    """Whether the caller sees merge requests there: Guests of private projects do not."""
    return access.can_see(call.viewer(), project) and (
        project.visibility != "private" or call.level(project) >= Level.PLANNER
    )


@ROUTES.get("/projects/:id/merge_requests", job_token=True)
def list_merge_requests(call: Call) -> Answer:
    """Those of a project."""
    return _listed(call, [call.project()])


@ROUTES.get("/groups/:id/merge_requests")
def group_merge_requests(call: Call) -> Answer:
    """Those of a group and all groups below; `non_archived` is true by default."""
    archived = not call.params.flag("non_archived", default=True)
    places = [one for group in call.group().tree() for one in list(group.projects)]
    return _listed(call, [one for one in places if _sees(call, one) and (archived or not one.archived)])


@ROUTES.get("/merge_requests")
def all_merge_requests(call: Call) -> Answer:
    """Those the caller opened, unless `scope` is `all`: then of every project that the caller sees."""
    scope, user = call.params.choice("scope", ("created_by_me", "all"), "created_by_me"), call.user()
    places = [one for one in list(call.world.projects.values()) if _sees(call, one)]
    return _listed(call, places, user if scope == "created_by_me" else None)


@ROUTES.get("/projects/:id/merge_requests/:iid", job_token=True)
def get_merge_request(call: Call) -> Answer:
    """One merge request."""
    project, one = merge_request_of(call)
    return ok(_details(call, project, one))


@ROUTES.post("/projects/:id/merge_requests")
def create_merge_request(call: Call) -> Answer:
    """Open a merge request between branches of the project."""
    call.params.require("title", "source_branch", "target_branch")
    project, params = call.project(Level.DEVELOPER), call.params
    source, target = params.needed("source_branch"), params.needed("target_branch")
    squash = params.flag("squash", project.settings.squash_option == "default_on")
    milestone, labels = milestone_asked(call, project, None), params.texts("labels")
    people = [people_asked(call, name, []) for name in ("assignee_ids", "reviewer_ids")]
    check_texts(params.needed("title"), params.text("description"))
    if source == target:
        raise message(422, ["You can't use same project/branch for source and target"])
    for one in project.merge_requests.values():
        if (one.state, one.source_branch, one.target_branch) == ("opened", source, target):
            raise message(409, [f"Another open merge request already exists for this source branch: !{one.iid}"])
    try:
        made = flow.open_merge_request(
            call.world,
            project,
            call.user(),
            source,
            target,
            params.needed("title"),
            labels=labels,
        )
    except ValueError:
        missing = [
            f'{kind} branch "{name}" does not exist'
            for kind, name in (("Source", source), ("Target", target))
            if project.git.branch(name) is None
        ]
        raise message(422, list(missing)) from None
    made.squash, made.milestone = squash, milestone
    made.assignees, made.reviewers = people
    described(call, project, made, params.text("description") or "")
    return created(_details(call, project, made))


@ROUTES.put("/projects/:id/merge_requests/:iid")
def update_merge_request(call: Call) -> Answer:
    """Change title, description, labels, target, or the state by `state_event`."""
    project, one = merge_request_of(call)
    user, params = call.user(), call.params
    if call.level(project) < Level.DEVELOPER and user is not one.author:
        raise forbidden()
    if not any(params.has(name) for name in _CHANGEABLE):
        raise invalid(f"{', '.join(_CHANGEABLE)} are missing, at least one parameter must be provided")
    event, title = params.one_of("state_event", ("close", "reopen")), params.text("title", one.title) or ""
    target = params.text("target_branch") or one.target_branch
    check_texts(title, params.text("description"))
    locked, squash = params.flag("discussion_locked", one.discussion_locked), params.flag("squash", one.squash)
    milestone = milestone_asked(call, project, one.milestone)
    people = (people_asked(call, "assignee_ids", one.assignees), people_asked(call, "reviewer_ids", one.reviewers))
    if project.git.branch(target) is None:
        raise message(422, [f'Target branch "{target}" does not exist'])
    one.title, one.target_branch = title, target
    if params.has("description"):
        described(call, project, one, params.text("description") or "")
    one.milestone, one.discussion_locked, one.squash = milestone, locked, squash
    one.assignees, one.reviewers = people
    if params.has("labels"):
        one.labels = params.texts("labels")
    one.labels = [name for name in one.labels if name not in params.texts("remove_labels")]
    one.labels += [name for name in params.texts("add_labels") if name not in one.labels]
    one.updated_at = call.world.clock.now()
    if event and (one.state, event) in (("opened", "close"), ("closed", "reopen")):
        set_state(call, project, one, event)
    else:
        call.world.activity.merge_request(project, one, user, "update")
    return ok(_details(call, project, one))


def _held_back(call: Call, project: Project, one: MergeRequest) -> bool:
    """Whether the project's merge checks are not met: a successful pipeline, resolved threads."""
    chosen = project.settings
    if chosen.only_allow_merge_if_all_discussions_are_resolved and not work.resolved(one):
        return True
    if not chosen.only_allow_merge_if_pipeline_succeeds:
        return False
    heads = [pipe for pipe in call.pipelines.pipelines(project.id) if pipe.sha == one.head_sha]
    return not heads or heads[0].status != "success"


@ROUTES.put("/projects/:id/merge_requests/:iid/merge")
def merge(call: Call) -> Answer:
    """Merge by the project's method.

    401 without the right, 405 when it is closed or a draft, 409 when `sha` is not its head, 422 for a conflict or a
    source that would have to be rebased first. Source: lib/api/merge_requests.rb.
    """
    project, one = merge_request_of(call)
    user, params = call.user(), call.params
    if not access.can_merge_branch(user, project, one.target_branch):
        raise message(401, "401 Unauthorized")
    if one.state != "opened" or work.is_draft(one) or _held_back(call, project, one):
        raise message(405, "405 Method Not Allowed")
    sha = params.text("sha")
    if sha and sha != one.head_sha:
        raise message(409, "SHA does not match HEAD of source branch: " + one.head_sha)
    try:
        flow.merge(
            call.world,
            project,
            one,
            user,
            squash=params.flag("squash", one.squash),
            message=params.text("merge_commit_message"),
            squash_message=params.text("squash_commit_message"),
            remove_source=params.flag("should_remove_source_branch"),
        )
    except (MergeConflictError, flow.NotFastForwardError, flow.NotMergeableError):
        raise message(422, "Branch cannot be merged") from None
    return ok(_details(call, project, one))


@ROUTES.get("/projects/:id/merge_requests/:iid/commits", job_token=True)
def merge_request_commits(call: Call) -> Answer:
    """Commits of the source branch that the target lacked, newest first."""
    project, one = merge_request_of(call)
    commits = project.git.commits(one.commit_shas)
    return paged(call, one.commit_shas, lambda sha: code.commit(call.world, project, commits[sha]))


@ROUTES.get("/projects/:id/merge_requests/:iid/pipelines")
def merge_request_pipelines(call: Call) -> Answer:
    """Pipelines of the request's commits."""
    project, one = merge_request_of(call)
    rows = [pipe for pipe in call.pipelines.pipelines(project.id) if pipe.sha in one.commit_shas]
    return paged(call, rows, lambda pipe: ci.pipeline_basic(call.world, project, pipe))


@ROUTES.get("/projects/:id/merge_requests/:iid/approvals")
def approvals(call: Call) -> Answer:
    """Who approved."""
    _, one = merge_request_of(call)
    return ok(
        {
            "user_has_approved": call.viewer() in one.approved_by,
            "approved": bool(one.approved_by),
            "approved_by": [{"user": user_basic(call.world, user)} for user in one.approved_by],
        }
    )
