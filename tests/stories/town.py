"""The place where the stories happen: the embedded GitLab with an index beside it, and projects made to measure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import httpx

from bot.sandbox.ci.model import COMPLETED, Job, Pipeline
from bot.sandbox.faults import Logged
from bot.sandbox.index import PackageIndex
from bot.sandbox.server import Gitlab, running
from bot.sandbox.world import World
from bot.sandbox.world.flow import remove_ref
from bot.sandbox.world.people import Level, User
from bot.sandbox.world.places import Group, Project
from bot.sandbox.world.work import Note, Release
from tests.stories import made
from tests.waiting import WAIT

TAG, VERSION = "v1.1.0", "1.1.0"
NOTE_MARK = "<!-- ropewalk: note"
READING = ("GET", "HEAD")

CI = """\
build:
  rules: [{if: $CI_COMMIT_TAG}]
  script: [mkdir dist, cp made/* dist/]
  artifacts: {paths: [dist/]}
"""
CI_MANUAL = f"""{CI}
publish:
  rules: [{{if: $CI_COMMIT_TAG, when: manual}}]
  script: [echo by hand]
"""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Package:
    """One project of a story with the merge requests merged so far."""

    town: Town
    project: Project
    merged: tuple[int, ...]

    @property
    def name(self) -> str:
        """The distribution's name."""
        return self.project.path

    @property
    def target(self) -> str:
        """PROJECT@REF."""
        return f"{self.project.full_path}@{TAG}"

    def tag(self, name: str = TAG, ref: str = "main") -> str:
        """The maintainer pushes a tag; returns the commit."""
        return self.town.world.create_tag(self.project, name, ref, self.town.grace, f"Release {name}")

    def untag(self, name: str = TAG) -> None:
        """The maintainer deletes the tag."""
        remove_ref(self.town.world, self.project, f"refs/tags/{name}", self.town.grace)

    def commit(self, files: Mapping[str, str | bytes | None], message: str = "Change") -> str:
        """A commit of the maintainer on main."""
        return self.town.world.commit(self.project, "main", message, files, self.town.grace)

    def pipeline_over(self, status: str = "success") -> Pipeline:
        """Wait for the newest pipeline's end. Raises: AssertionError if it ends otherwise."""
        runner = self.town.gitlab.pipelines

        def over() -> bool:
            found = runner.pipelines(self.project.id)
            return bool(found) and all(one.status in (*COMPLETED, "manual") for one in found)

        assert self.town.gitlab.wait_until(over, WAIT), "the pipeline ends"
        newest = max(runner.pipelines(self.project.id), key=lambda one: one.id)
        assert newest.status == status, newest
        return newest

    def job(self, name: str = "build") -> Job:
        """The newest job of that name."""
        jobs = [one for one in self.town.gitlab.pipelines.project_jobs(self.project.id) if one.name == name]
        return max(jobs, key=lambda one: one.id)

    def registry(self) -> list[str]:
        """Names of all package files in the project's registry, by the sandbox's own records; doubles show."""
        return sorted(file.file_name for one in self.project.packages.values() for file in one.files.values())

    def index(self) -> list[str]:
        """Names of this package's files on the index beside GitLab."""
        return [name for name in self.town.index.files() if re.match(rf"{re.escape(self.name)}-\d", name)]

    def releases(self) -> list[Release]:
        """The project's GitLab Releases."""
        return list(self.project.releases.values())

    def notes(self) -> dict[int, list[Note]]:
        """Our notes by merge request."""
        rows = self.project.merge_requests.items()
        return {iid: [note for note in one.notes.values() if NOTE_MARK in note.body] for iid, one in rows}

    def untouched(self) -> None:
        """Nothing public was written. Raises: AssertionError."""
        assert (self.registry(), self.index(), self.releases()) == ([], [], [])

    def complete(self, *versions: str) -> None:
        """Everything is where it belongs, once. Raises: AssertionError."""
        wanted = sorted(name for one in versions or (VERSION,) for name in made.both(self.name, one))
        assert self.registry() == wanted
        assert self.index() == wanted
        assert sorted(one.tag for one in self.releases()) == sorted(f"v{one}" for one in versions or (VERSION,))
        assert {iid: len(notes) for iid, notes in self.notes().items()} == dict.fromkeys(self.merged, 1)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Town:
    """The sandbox and the people in it. The bot is `ropewalk`, maintainer of every group made with `group`."""

    gitlab: Gitlab
    world: World
    index: PackageIndex
    bot: User
    grace: User
    token: str
    numbers: Iterator[int]

    def group(self) -> Group:
        """A new group, named like no other."""
        group = self.world.create_group(f"town{next(self.numbers)}")
        self.world.add_member(group, self.bot, Level.MAINTAINER)
        self.world.add_member(group, self.grace, Level.MAINTAINER)
        return group

    def package(
        self,
        group: Group,
        *,
        files: Mapping[str, bytes] | None = None,
        ci: str = CI,
        changes: int = 1,
        protect: bool = True,
        name: str | None = None,
    ) -> Package:
        """A project released once as v1.0.0, and since then changed by merge requests; the last one brings `files`.

        `files` are what the build job leaves in dist/ (a wheel and an sdist of 1.1.0 unless told otherwise).
        """
        name = name or f"widget{next(self.numbers)}"
        start = {".gitlab-ci.yml": ci, "pyproject.toml": f'[project]\nname = "{name}"\n', "made/.keep": ""}
        project = self.world.create_project(
            f"{group.full_path}/{name}", files=start, creator=self.grace, tags=["v1.0.0"]
        )
        if protect:
            self.world.protect_tag(project, "v*")
        if files is None:
            files = made.both(name, VERSION)
        merged = []
        for number in range(1, changes + 1):
            last = number == changes
            tree: dict[str, str | bytes | None] = {f"notes/{number}.md": f"Change {number}\n"}
            if last:
                tree |= {"made/.keep": None, **{f"made/{path}": data for path, data in files.items()}}
            self.world.commit(project, f"change-{number}", f"Change {number}", tree, self.grace)
            request = self.world.create_merge_request(project, self.grace, f"change-{number}", f"Change {number}")
            self.world.merge(project, request, self.grace)
            merged.append(request.iid)
        return Package(town=self, project=project, merged=tuple(merged))

    def control(self, method: str, path: str, **options: object) -> httpx.Response:
        """A call to the control API. Raises: AssertionError if it is refused."""
        headers = {"X-Sandbox-Token": self.gitlab.control_token}
        with httpx.Client(trust_env=False, verify=False, timeout=2 * WAIT) as client:
            url = f"{self.gitlab.url}/-/sandbox/{path}"
            response = client.request(method, url, headers=headers, **options)  # type: ignore[arg-type]  # passed on
        assert response.is_success, response.text
        return response

    def fault(self, **fault: object) -> None:
        """Put a fault in force; fields as in the control API."""
        self.control("POST", "faults", json=fault)

    def calm(self) -> None:
        """No fault in force, nothing held, no hook disabled from now on."""
        self.control("DELETE", "faults")
        self.control("PUT", "hooks/settings", json={"auto_disable": False})
        self.control("POST", "held/release", json={"reset": True})

    def api(self, method: str, path: str, user: User | None = None, **options: object) -> httpx.Response:
        """A call to GitLab's API as a person (grace by default)."""
        token = self.world.create_token(user or self.grace, ["api"], "story")
        with httpx.Client(trust_env=False, verify=False, timeout=WAIT, headers={"PRIVATE-TOKEN": token}) as client:
            return client.request(method, f"{self.gitlab.url}/api/v4{path}", **options)  # type: ignore[arg-type]  # passed on

    def mark(self) -> int:
        """The id of the newest request so far."""
        return max((one.id for one in list(self.gitlab.faults.log)), default=0)

    def requests(self, since: int, user: str | None = "ropewalk") -> list[Logged]:
        """Requests of a user after a mark, oldest first."""
        return [one for one in list(self.gitlab.faults.log) if one.id > since and one.user == user]

    def writes(self, since: int) -> list[tuple[str, str]]:
        """What the bot sent to change something on GitLab since a mark, whatever the answer; GraphQL is reading."""
        rows = [one for one in list(self.gitlab.faults.log) if one.id > since]
        return [
            (one.method, one.path.partition("?")[0])
            for one in rows
            if one.method not in READING and one.path != "/api/graphql" and one.user in ("ropewalk", None)
        ]


@contextmanager
def open_town(folder: Path, *, max_jobs: int = 2) -> Iterator[Town]:
    """A town for the length of the block."""
    world = World(folder / "world")
    bot, grace = world.create_user("ropewalk"), world.create_user("grace")
    index = PackageIndex(folder / "index", world.secret())
    index.start()
    try:
        with running(world, index=index, max_jobs=max_jobs) as gitlab:
            token = world.create_token(bot, ["api"], "ropewalk")
            yield Town(gitlab=gitlab, world=world, index=index, bot=bot, grace=grace, token=token, numbers=count(1))
    finally:
        index.stop()
