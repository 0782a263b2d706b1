"""Commits and comparisons."""

from bot.sandbox.answers import Answer, message, not_found
from bot.sandbox.git.repository import Commit
from bot.sandbox.rest.call import Call, ok
from bot.sandbox.rest.entities import ci, code, work
from bot.sandbox.rest.paging import paged
from bot.sandbox.rest.routing import Routes
from bot.sandbox.world.places import Project
from bot.sandbox.world.work import MergeRequest

ROUTES = Routes()


def _commit(call: Call, project: Project) -> Commit:
    found = project.git.commit(call.arguments["sha"])
    if found is None:
        raise not_found("Commit")
    return found


@ROUTES.get("/projects/:id/repository/commits")
def list_commits(call: Call) -> Answer:
    """Commits of `ref_name` (default branch when absent, `a..b` allowed), newest first."""
    project, params = call.project(code=True), call.params
    options = [f"--{name}={params.text(name)}" for name in ("since", "until", "author") if params.text(name)]
    if params.flag("first_parent"):
        options.append("--first-parent")
    if params.flag("all"):
        found = project.git.log("--branches", "--tags", options=options)
    else:
        ends = (params.text("ref_name") or project.default_branch).split("..", 1)
        shas = [project.git.resolve(end) for end in ends]
        if any(sha is None for sha in shas):
            raise not_found("Commit")
        path = params.text("path")
        found = project.git.log("..".join(sha for sha in shas if sha), options=options, paths=[path] if path else [])
    return paged(call, found, lambda one: code.commit(call.world, project, one), totals=False)


@ROUTES.get("/projects/:id/repository/commits/:sha")
def get_commit(call: Call) -> Answer:
    """One commit, by id, branch or tag, with its last pipeline."""
    project = call.project(code=True)
    one = _commit(call, project)
    added, removed = project.git.stats(one.id)
    last = next((pipe for pipe in call.pipelines.pipelines(project.id) if pipe.sha == one.id), None)
    return ok(
        code.commit(call.world, project, one)
        | {
            "stats": {"additions": added, "deletions": removed, "total": added + removed},
            "status": last.status if last else None,
            "project_id": project.id,
            "last_pipeline": ci.pipeline_basic(call.world, project, last) if last else None,
        }
    )


@ROUTES.get("/projects/:id/repository/commits/:sha/refs")
def commit_refs(call: Call) -> Answer:
    """Branches and tags that contain the commit; `type` branch, tag or all."""
    project = call.project(code=True)
    kind = call.params.choice("type", ("branch", "tag", "all"), "all")
    rows = [
        {"type": "tag" if ref.full_name.startswith("refs/tags/") else "branch", "name": ref.name}
        for ref in project.git.containing(_commit(call, project).id)
    ]
    rows = [row for row in rows if kind in ("all", row["type"])]
    return paged(call, rows, lambda row: {"type": row["type"], "name": row["name"]})


@ROUTES.get("/projects/:id/repository/commits/:sha/diff")
def commit_diff(call: Call) -> Answer:
    """Files the commit changed against its first parent."""
    project = call.project(code=True)
    one = _commit(call, project)
    empty_tree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
    rows = project.git.diff(one.parents[0] if one.parents else empty_tree, one.id)
    return paged(call, rows, code.file_diff)


def shipped_in(one: MergeRequest, sha: str) -> bool:
    """Whether the commit belongs to the merge request: its commits, merge, squash or fast-forward id."""
    return sha in one.commit_shas or sha in (one.merge_commit_sha, one.squash_commit_sha)


@ROUTES.get("/projects/:id/repository/commits/:sha/merge_requests", job_token=True)
def commit_merge_requests(call: Call) -> Answer:
    """Merge requests the commit belongs to. Source: lib/api/commits.rb, app/models/merge_request.rb."""
    project = call.project(code=True)
    sha, state = _commit(call, project).id, call.params.text("state")
    rows = [
        one
        for one in reversed(list(project.merge_requests.values()))
        if shipped_in(one, sha) and state in (None, "all", one.state)
    ]
    return paged(call, rows, lambda one: work.merge_request(call.world, project, one))


@ROUTES.get("/projects/:id/repository/merge_base")
def merge_base(call: Call) -> Answer:
    """The common ancestor of at least two `refs[]`."""
    project, refs = call.project(code=True), call.params.texts("refs")
    call.params.require("refs")
    if len(refs) < 2:
        raise message(400, "Provide at least 2 refs")
    shas = [project.git.resolve(ref) for ref in refs]
    missing = [ref for ref, sha in zip(refs, shas, strict=True) if sha is None]
    if missing:
        raise message(400, f"Could not find ref: {', '.join(missing)}")
    base = project.git.merge_base(*[sha for sha in shas if sha])
    if base is None:
        raise not_found("Merge Base")
    return ok(code.commit(call.world, project, project.git.commits([base])[base]))


@ROUTES.get("/projects/:id/repository/compare")
def compare(call: Call) -> Answer:
    """Commits and changes from `from` to `to`, seen from their merge base unless `straight`. Never paged."""
    call.params.require("from", "to")
    project, straight = call.project(code=True), call.params.flag("straight")
    start, end = project.git.resolve(call.params.needed("from")), project.git.resolve(call.params.needed("to"))
    if start is None or end is None:
        raise not_found("Ref")
    base = start if straight else project.git.merge_base(start, end)
    found = project.git.log(f"{start}..{end}", options=("--reverse",))
    shown = [code.commit(call.world, project, one) for one in found]
    return ok(
        {
            "commit": shown[-1] if shown else None,
            "commits": shown,
            "diffs": [code.file_diff(one) for one in project.git.diff(base or start, end)],
            "compare_timeout": False,
            "compare_same_ref": start == end,
            "web_url": f"{call.base_url}/{project.full_path}/-/compare/{start}...{end}",
        }
    )
