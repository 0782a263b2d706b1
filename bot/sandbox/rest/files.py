"""Files of a repository: reading them, and commits that write them."""

import base64
import hashlib

from bot.sandbox.answers import Answer, bad_request, message, not_found
from bot.sandbox.git.changes import valid_path, valid_ref_name
from bot.sandbox.git.repository import Commit
from bot.sandbox.rest.call import Call, created
from bot.sandbox.rest.entities import code
from bot.sandbox.rest.paging import paged
from bot.sandbox.rest.params import Params
from bot.sandbox.rest.routing import Routes
from bot.sandbox.world import access
from bot.sandbox.world.people import Level
from bot.sandbox.world.places import Project

ROUTES = Routes()

_ACTIONS = ("create", "delete", "move", "update", "chmod")


def _file(call: Call) -> tuple[Project, str, str, str, bytes]:
    project, path = call.project(code=True), call.arguments["file_path"]
    ref = call.params.text("ref") or project.default_branch
    sha = project.git.resolve(ref)
    if sha is None:
        raise not_found("Commit")
    found = project.git.blob(sha, path)
    if found is None:
        raise not_found("File")
    return project, ref, sha, *found


@ROUTES.get("/projects/:id/repository/tree")
def list_tree(call: Call) -> Answer:
    """What lies in a folder (`path`), or all below it. Source: lib/api/repositories.rb; a 404 since GitLab 17.7."""
    project = call.project(code=True)
    sha = project.git.resolve(call.params.text("ref") or project.default_branch)
    if sha is None:
        raise not_found("Tree")
    folder = (call.params.text("path") or "").strip("/")
    rows = project.git.tree(sha, folder, recursive=call.params.flag("recursive"))
    if rows is None:
        raise not_found("invalid revision or path")

    def show(row: tuple[str, str, str, str]) -> dict[str, object]:
        mode, kind, oid, path = row
        return {"id": oid, "name": path.rsplit("/", 1)[-1], "type": kind, "path": path, "mode": mode}

    return paged(call, rows, show)


@ROUTES.get("/projects/:id/repository/files/:file_path", scopes=("read_repository",))
def get_file(call: Call) -> Answer:
    """A file with its content in base64; a HEAD carries the same facts in headers."""
    project, ref, sha, oid, data = _file(call)
    path = call.arguments["file_path"]
    last = project.git.last_commit(sha, path)
    facts: dict[str, object] = {
        "file_name": path.rsplit("/", 1)[-1],
        "file_path": path,
        "size": len(data),
        "encoding": "base64",
        "content_sha256": hashlib.sha256(data).hexdigest(),
        "ref": ref,
        "blob_id": oid,
        "commit_id": sha,
        "last_commit_id": last,
        "execute_filemode": False,
    }
    headers = {f"X-Gitlab-{name.replace('_', '-').title()}": str(value) for name, value in facts.items()}
    return Answer(body=facts | {"content": base64.b64encode(data).decode()}, headers=headers)


@ROUTES.get("/projects/:id/repository/files/:file_path/raw", scopes=("read_repository",))
def get_raw_file(call: Call) -> Answer:
    """The file's bytes."""
    *_, data = _file(call)
    return Answer(content=data, media_type="text/plain")


def _written(call: Call, project: Project, files: dict[str, bytes | None], branch: str) -> Commit:
    user = call.user()
    if not access.can_push_branch(user, project, branch):
        raise message(400, "You are not allowed to push into this branch")
    start, force = _start(call), call.params.flag("force")
    if start and not force and project.git.branch(branch) is not None:
        said = f"Something went wrong when we tried to create '{branch}' for you: Branch already exists"
        raise message(400, said)
    if project.git.branch(branch) is None and not start and not project.git.empty():
        raise message(400, "You can only create or edit files when you are on a branch")
    if not valid_ref_name(branch):
        raise message(400, "Invalid branch name")
    if start and project.git.resolve(start) is None:
        raise message(400, f"Cannot find start branch '{start}'")
    text = call.params.needed("commit_message")
    for path in files:
        check_file_path(path)
    sha = call.world.commit(
        project, branch, text, dict(files.items()), user, start_branch=start, force=bool(start) and force
    )
    return project.git.commits([sha])[sha]


def _start(call: Call) -> str | None:
    """Where a new branch begins. Source: app/services/commits/create_service.rb."""
    start = call.params.text("start_branch")
    return None if start == call.params.text("branch") else start or call.params.text("start_sha")


def check_file_path(path: str) -> None:
    """Raises: RefusalError (400) for a path that leaves the repository or that no tree can hold."""
    if not valid_path(path):
        raise message(400, f"invalid path: '{path}'")


def _content(params: Params) -> bytes:
    text = params.text("content") or ""
    if params.choice("encoding", ("text", "base64"), "text") == "text":
        return text.encode()
    try:
        return base64.b64decode(text)
    except ValueError:
        raise message(400, "Invalid base64 encoding") from None


@ROUTES.post("/projects/:id/repository/commits")
def create_commit(call: Call) -> Answer:
    """Commit `actions` (create, update, delete, move) on `branch`."""
    call.params.require("branch", "commit_message", "actions")
    project, branch = call.project(Level.DEVELOPER), call.params.needed("branch")
    files: dict[str, bytes | None] = {}
    head = project.git.resolve(_start(call) or branch)
    for action in call.params.rows("actions"):
        action.require("action", "file_path")
        kind, path = action.choice("action", _ACTIONS, ""), action.needed("file_path")
        known = project.git.blob(head, path) if head else None
        if kind == "create" and known is not None:
            raise message(400, "A file with this name already exists")
        if kind in ("update", "delete") and known is None:
            raise message(400, "A file with this name doesn't exist")
        last = action.text("last_commit_id")
        if last and head and project.git.last_commit(head, path) != last:
            raise message(400, f"You are attempting to {kind} a file that has changed since you started editing it.")
        if kind == "move":
            moved = project.git.blob(head, action.needed("previous_path")) if head else None
            if moved is None:
                raise message(400, "A file with this name doesn't exist")
            files[action.needed("previous_path")] = None
            files[path] = _content(action) if action.has("content") else moved[1]
        else:
            files[path] = None if kind == "delete" else _content(action)
    one = _written(call, project, files, branch)
    return created(code.commit(call.world, project, one) | {"project_id": project.id})


def _write_file(call: Call, *, exists: bool) -> Answer:
    call.params.require("branch", "commit_message", "content")
    project, path = call.project(Level.DEVELOPER), call.arguments["file_path"]
    branch = call.params.needed("branch")
    head = project.git.resolve(branch)
    known = head is not None and project.git.blob(head, path) is not None
    if known and not exists:
        raise bad_request("A file with this name already exists")
    if exists and not known:
        raise bad_request("A file with this name doesn't exist")
    _written(call, project, {path: _content(call.params)}, branch)
    return Answer(status=200 if exists else 201, body={"file_path": path, "branch": branch})


@ROUTES.post("/projects/:id/repository/files/:file_path")
def create_file(call: Call) -> Answer:
    """A new file in a commit of its own."""
    return _write_file(call, exists=False)


@ROUTES.put("/projects/:id/repository/files/:file_path")
def update_file(call: Call) -> Answer:
    """New content for a file."""
    return _write_file(call, exists=True)
