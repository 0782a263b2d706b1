"""What people do while a story runs: commits, tags, merge requests, merges.

These are the calls that the API makes too, but nobody's rights are asked.
"""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from bot.sandbox.answers import Json
from bot.sandbox.control.reading import Asked, MisuseError, read_object
from bot.sandbox.control.routing import Handlers
from bot.sandbox.git.changes import MergeConflictError, valid_ref_name
from bot.sandbox.git.run import GitError
from bot.sandbox.malformed import whole_number
from bot.sandbox.world import flow
from bot.sandbox.world.people import User
from bot.sandbox.world.places import Project
from bot.sandbox.world.world import World


class PeopleControl:
    """What steers people."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._deeds = {
            "commit": (self._commit, ("branch", "message", "files", "start_branch")),
            "tag": (self._tag, ("name", "ref", "message")),
            "remove-tag": (self._remove_tag, ("name",)),
            "merge-request": (
                self._merge_request,
                ("source_branch", "target_branch", "title", "description", "labels"),
            ),
            "merge": (self._merge, ("iid", "squash")),
        }

    def handlers(self) -> Handlers:
        """Path, handler, method."""
        return [("people/{deed}", self._do, "POST")]

    async def _do(self, request: Request) -> Response:
        """`project` (path or id) and `user` say where and who; the rest belongs to the deed."""
        known = self._deeds.get(request.path_params["deed"])
        if known is None:
            raise MisuseError(f"people can {', '.join(self._deeds)}, not {request.path_params['deed']!r}")
        deed, names = known
        asked = await read_object(request)
        asked.only(f"{request.path_params['deed']!r}", ("project", "user", *names))
        project, user = self._project(asked), self._user(asked)
        try:
            return JSONResponse(await run_in_threadpool(deed, project, user, asked), 201)
        except (ValueError, MergeConflictError, flow.NotFastForwardError, flow.NotMergeableError) as error:
            raise MisuseError(str(error)) from None
        except GitError:
            raise MisuseError("git refuses the name or the files") from None

    def _project(self, asked: Asked) -> Project:
        key = str(asked.values.get("project", ""))
        found = (
            self._world.projects.get(whole_number(key))
            if key.isdecimal()
            else self._world.project_paths.get(key.lower())
        )
        if found is None:
            raise MisuseError(f"there is no project {key!r}")
        return found

    def _user(self, asked: Asked) -> User:
        found = self._world.user_named(asked.needed("user"))
        if found is None:
            raise MisuseError(f"there is no user {asked.text('user')!r}")
        return found

    def _commit(self, project: Project, user: User, asked: Asked) -> Json:
        """`files`: path to text, null removes."""
        files: dict[str, str | bytes | None] = {}
        for path, text in asked.inner("files").values.items():
            if text is not None and not isinstance(text, str):
                raise MisuseError(f"the file {path!r} is text or null, not {text!r}")
            files[path] = text
        branch = asked.text("branch") or project.default_branch
        if not valid_ref_name(branch):
            raise MisuseError(f"a branch cannot be called {branch!r}")
        start = asked.text("start_branch") or None
        message = asked.text("message", f"Change {branch}")
        return {"sha": self._world.commit(project, branch, message, files, user, start_branch=start)}

    def _tag(self, project: Project, user: User, asked: Asked) -> Json:
        """Annotated with a `message`."""
        ref = asked.text("ref") or project.default_branch
        name = asked.needed("name")
        if not valid_ref_name(name):
            raise MisuseError(f"a tag cannot be called {name!r}")
        return {"sha": self._world.create_tag(project, name, ref, user, asked.text("message"))}

    def _remove_tag(self, project: Project, user: User, asked: Asked) -> Json:
        name = asked.needed("name")
        if project.git.tag(name) is None:
            raise MisuseError(f"there is no tag {name!r} in {project.full_path}")
        flow.remove_ref(self._world, project, f"refs/tags/{name}", user)
        return {}

    def _merge_request(self, project: Project, user: User, asked: Asked) -> Json:
        labels = asked.values.get("labels", [])
        if not isinstance(labels, list):
            raise MisuseError("labels is a list of names")
        made = self._world.create_merge_request(
            project,
            user,
            asked.needed("source_branch"),
            asked.text("title") or asked.needed("source_branch"),
            target_branch=asked.text("target_branch") or None,
            description=asked.text("description"),
            labels=[str(one) for one in labels],
        )
        return {"iid": made.iid}

    def _merge(self, project: Project, user: User, asked: Asked) -> Json:
        found = project.merge_requests.get(asked.whole("iid", 0))
        if found is None or found.state != "opened":
            raise MisuseError(f"there is no open merge request {asked.values.get('iid')!r} in {project.full_path}")
        return {"sha": self._world.merge(project, found, user, squash=asked.flag("squash"))}
