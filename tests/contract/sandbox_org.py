"""A small organisation on the embedded GitLab, served on loopback, for the sandbox's contract tests."""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
from gitlab import Gitlab as Client

from bot.sandbox.ci.model import COMPLETED
from bot.sandbox.index import PackageIndex
from bot.sandbox.server import Gitlab, running
from bot.sandbox.world import World
from bot.sandbox.world.people import User
from bot.sandbox.world.places import Project
from tests.serving import serving

WAIT = 30.0  # seconds; far beyond what anything here takes
CI = """
build:
  script:
    - mkdir dist
    - echo made > dist/made.txt
  artifacts:
    paths: [dist/]
publish:
  script: echo published
  when: manual
  rules:
    - if: $CI_COMMIT_TAG
      when: manual
"""


def git(folder: Path, *arguments: str, accept: tuple[int, ...] = (0,)) -> str:
    """Run git as a person without configuration; standard output and error together."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_AUTHOR_NAME": "Ada",
        "GIT_AUTHOR_EMAIL": "ada@acme.example",
        "GIT_COMMITTER_NAME": "Ada",
        "GIT_COMMITTER_EMAIL": "ada@acme.example",
    }
    done = subprocess.run(["git", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert done.returncode in accept, f"git {arguments}: {said}"
    return said


@dataclass
class Org:
    """What the tests hold: people by level, their tokens, a project `acme/tools/widget`."""

    gitlab: Gitlab
    world: World
    people: dict[str, User]
    tokens: dict[str, str]
    project: Project
    folder: Path
    index: PackageIndex | None = None

    @property
    def url(self) -> str:
        return self.gitlab.url

    def client(self, who: str = "maintainer") -> Client:
        return Client(self.url, oauth_token=self.tokens[who], per_page=100)

    def call(self, method: str, path: str, who: str | None = "maintainer", **options: object) -> httpx.Response:
        headers = {"PRIVATE-TOKEN": self.tokens[who]} if who else {}
        extra = options.pop("headers", {})
        assert isinstance(extra, dict)
        url = f"{self.url}/api/v4{path}"
        with httpx.Client(trust_env=False, verify=False, timeout=WAIT) as client:
            return client.request(method, url, headers={**headers, **extra}, **options)  # type: ignore[arg-type]  # passed on

    def control(self, method: str, path: str, **options: object) -> httpx.Response:
        headers = {"X-Sandbox-Token": self.gitlab.control_token}
        with httpx.Client(trust_env=False, verify=False, timeout=WAIT) as client:
            return client.request(method, f"{self.url}/-/sandbox/{path}", headers=headers, **options)  # type: ignore[arg-type]  # passed on

    def graphql(self, query: str, who: str | None = "maintainer", **variables: object) -> dict[str, object]:
        headers = {"Authorization": f"Bearer {self.tokens[who]}"} if who else {}
        body = {"query": query, "variables": variables}
        answer = httpx.post(f"{self.url}/api/graphql", json=body, headers=headers, trust_env=False, verify=False)
        parsed = answer.json()
        assert isinstance(parsed, dict)
        return parsed

    def remote(self, project: Project, who: str = "maintainer") -> str:
        return f"{self.url}/{project.full_path}.git".replace("://", f"://{who}:{self.tokens[who]}@")

    def clone(self, project: Project, name: str, who: str = "maintainer") -> Path:
        folder = self.folder / name
        git(self.folder, "clone", "-q", self.remote(project, who), str(folder))
        return folder

    def new_project(self, path: str, files: Mapping[str, str | bytes] | None = None) -> Project:
        project = self.world.create_project(path, files=files or {"README.md": "hello\n"})
        for who in ("maintainer", "developer", "reporter", "guest"):
            self.world.add_member(project, self.people[who], LEVELS[who])
        return project

    def pipelines_done(self, project: Project, number: int, within: float = WAIT) -> None:
        """Wait until the project has `number` pipelines, all over or waiting for a person."""
        runner = self.gitlab.pipelines

        def over() -> bool:
            found = runner.pipelines(project.id)
            return len(found) == number and all(one.status in (*COMPLETED, "manual") for one in found)

        assert self.gitlab.wait_until(over, within), [one.status for one in runner.pipelines(project.id)]


LEVELS = {"guest": 10, "reporter": 20, "developer": 30, "maintainer": 40, "owner": 50}


@contextmanager
def organisation(index: bool = False) -> Iterator[Org]:
    """An organisation whose tokens are repeatable."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        world = World(folder / "data", seed=7)
        people = {who: world.create_user(who) for who in (*LEVELS, "outsider")}
        tokens = {who: world.create_token(user, ["api"], "test") for who, user in people.items()}
        group = world.create_group("acme")
        world.create_group("acme/tools")
        project = world.create_project("acme/tools/widget", files={"README.md": "# widget\n", ".gitlab-ci.yml": CI})
        world.add_member(group, people["owner"], LEVELS["owner"])
        for who in ("maintainer", "developer", "reporter", "guest"):
            world.add_member(project, people[who], LEVELS[who])
        beside = PackageIndex(folder / "index", world.secret()) if index else None
        if beside:
            beside.start()
        try:
            with running(world, index=beside) as served:
                tokens["admin"] = served.admin_token
                yield Org(served, world, people, tokens, project, folder, beside)
        finally:
            if beside:
                beside.stop()


@dataclass
class Receiver:
    """A hook receiver: what came in, and with which status it answers."""

    url: str
    status: int = 200
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def payloads(self) -> list[dict[str, object]]:
        return [json.loads(body) for _, body in self.received]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver on loopback."""
    receiver = Receiver(url="")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.received.append((dict(self.headers), body))
            self.send_response(receiver.status)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class calls it so
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}/hook"
    with serving(server):
        yield receiver
