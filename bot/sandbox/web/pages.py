"""What each page shows, from the world's records. Nothing here shows a variable, a token or a hook."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bot.sandbox.ci.model import Job, Pipeline
from bot.sandbox.ci.pipelines import Pipelines
from bot.sandbox.malformed import whole_number
from bot.sandbox.world.places import Group, Project
from bot.sandbox.world.work import Issue, MergeRequest, Noteable
from bot.sandbox.world.world import World

PAGE_ROWS = 100
"""The most rows a list shows."""

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|section_(?:start|end):\d+:\S*\r?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A template and what fills it."""

    template: str
    title: str
    context: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Redirect:
    """Elsewhere."""

    url: str


Shown = Page | Redirect | None
"""None: there is no such record."""


class Pages:
    """Finds the record a path names and the page that shows it."""

    def __init__(self, world: World, pipelines: Pipelines) -> None:
        self._world = world
        self._pipelines = pipelines

    def find(self, path: str) -> Shown:
        """The page at the path, None when nothing is there."""
        path = path.strip("/")
        if not path:
            return self._start()
        where, _, rest = path.partition("/-/")
        project = self._world.project_paths.get(where.lower())
        if project is None:
            group = self._world.groups.get(path.removeprefix("groups/").lower())
            return self._group(group) if group and not rest else None
        return self._in_project(project, rest.split("/") if rest else [])

    def _in_project(self, project: Project, rest: list[str]) -> Shown:
        match rest:
            case []:
                return self._project(project)
            case ["pipelines"]:
                return self._list(project, "Pipelines", "pipelines", self._pipelines.pipelines(project.id))
            case ["pipelines", number] if number.isdecimal():
                return self._pipeline(project, self._pipelines.pipeline(project.id, whole_number(number)))
            case ["jobs", number] if number.isdecimal():
                return self._job(project, self._pipelines.job(project.id, whole_number(number)))
            case ["merge_requests"]:
                return self._list(project, "Merge requests", "requests", reversed(project.merge_requests.values()))
            case ["merge_requests", number] if number.isdecimal():
                return self._noteable(project, project.merge_requests.get(whole_number(number)))
            case ["issues"]:
                return self._list(project, "Issues", "issues", reversed(project.issues.values()))
            case ["issues", number] if number.isdecimal():
                return self._noteable(project, project.issues.get(whole_number(number)))
            case ["releases"]:
                newest = sorted(project.releases.values(), key=lambda one: one.released_at, reverse=True)
                return self._list(project, "Releases", "releases", newest)
            case ["releases", *parts]:
                return self._release(project, parts)
        return None

    def _start(self) -> Page:
        projects = sorted(self._world.projects.copy().values(), key=lambda one: one.full_path)
        context: dict[str, object] = {"projects": projects[:PAGE_ROWS], "count": len(projects), "group": None}
        return Page(template="group.html", title="Projects", context=context)

    def _group(self, group: Group) -> Page:
        projects = sorted((one for each in group.tree() for one in each.projects), key=lambda one: one.full_path)
        context: dict[str, object] = {"projects": projects[:PAGE_ROWS], "count": len(projects), "group": group}
        return Page(template="group.html", title=group.full_path, context=context)

    def _project(self, project: Project) -> Page:
        head = None if project.git.empty() else project.git.resolve(project.default_branch)
        readme = project.git.blob(head, "README.md") if head else None
        context = {
            "project": project,
            "readme": readme[1].decode(errors="replace") if readme else None,
            "tags": [] if head is None else sorted(project.git.tags(), key=lambda tag: tag.created, reverse=True)[:10],
            "pipelines": self._pipelines.pipelines(project.id)[:5],
            "requests": list(reversed(project.merge_requests.values()))[:5],
            "releases": sorted(project.releases.values(), key=lambda one: one.released_at, reverse=True)[:5],
        }
        return Page(template="project.html", title=project.full_path, context=context)

    def _list(self, project: Project, title: str, kind: str, rows: Iterable[object]) -> Page:
        context: dict[str, object] = {"project": project, "heading": title, kind: list(rows)[:PAGE_ROWS]}
        return Page(template="list.html", title=f"{title} · {project.full_path}", context=context)

    def _pipeline(self, project: Project, one: Pipeline | None) -> Page | None:
        if one is None:
            return None
        stages: dict[str, list[Job]] = {}
        for job in self._pipelines.jobs(one.id):
            stages.setdefault(job.stage, []).append(job)
        context = {
            "project": project,
            "pipeline": one,
            "stages": stages,
            "commit": project.git.commit(one.sha),
            "starter": self._world.users.get(one.user_id),
        }
        return Page(template="pipeline.html", title=f"Pipeline #{one.id} · {project.full_path}", context=context)

    def _job(self, project: Project, one: Job | None) -> Page | None:
        if one is None:
            return None
        trace = _ANSI.sub("", self._pipelines.trace(one).decode(errors="replace"))
        context: dict[str, object] = {"project": project, "job": one, "lines": trace.split("\n")}
        return Page(template="job.html", title=f"{one.name} (#{one.id}) · {project.full_path}", context=context)

    def _noteable(self, project: Project, one: Noteable | None) -> Page | None:
        if one is None:
            return None
        request = isinstance(one, MergeRequest)
        pipes = self._pipelines.pipelines(project.id) if request else []
        heads = {one.head_sha, one.merge_commit_sha} if isinstance(one, MergeRequest) else set()
        context = {
            "project": project,
            "one": one,
            "mark": "!" if request else "#",
            "notes": list(one.notes.values()),
            "pipelines": [pipe for pipe in pipes if pipe.sha in heads],
            "commits": list(project.git.commits(one.commit_shas).values()) if isinstance(one, MergeRequest) else [],
        }
        kind = "Issue" if isinstance(one, Issue) else "Merge request"
        title = f"{one.title} ({context['mark']}{one.iid}) · {kind} · {project.full_path}"
        return Page(template="noteable.html", title=title, context=context)

    def _release(self, project: Project, parts: list[str]) -> Shown:
        """A release by its tag, which may contain slashes; `TAG/downloads/PATH` leads to the link of that path."""
        tag, _, asset = "/".join(parts).partition("/downloads/")
        one = project.releases.get(tag)
        if one is None:
            return None
        if asset:
            urls = [link.url for link in one.links.values() if link.filepath == f"/{asset}"]
            return Redirect(url=urls[0]) if urls else None
        context: dict[str, object] = {"project": project, "release": one, "commit": project.git.commit(one.sha)}
        return Page(template="release.html", title=f"{one.name} · {project.full_path}", context=context)
