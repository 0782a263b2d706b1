"""What a release costs: requests to GitLab by phase, and wall time against the plain tools on the same files.

Prints, for one small package with three merged merge requests on two indexes (GitLab's registry and another):

- requests by phase, as `ropewalk release status --verbose` shows them (promise: at most 40);
- from the hook to proven, with GitLab Release and notes: the bot's own time outside its children (promise: at most 1.0
  s, GitLab's answers included), its CPU, and the time of its children, which check and upload; in a process of its own;
- seconds of `ropewalk release apply` (process start included) and of `twine check` + `twine upload` twice by hand, both
  against the same embedded GitLab and index, and their ratio;
- a calibration line, since absolute figures depend on the machine.

Exit code 1 if a promise is broken.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.calibration import calibrate
from bot.sandbox.index import running_index
from bot.sandbox.server import Gitlab, running
from bot.sandbox.world import World
from bot.sandbox.world.people import Level
from bot.sandbox.world.places import Project

ROUNDS = 3
MOST_REQUESTS = 40
OWN_SECONDS = 1.0
CI = """\
build:
  script: python -m build --no-isolation
  artifacts: {paths: [dist/]}
  rules:
    - if: $CI_COMMIT_TAG
"""
PYPROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "PLACE"
version = "1.1.0"
readme = "README.md"
[tool.hatch.build.targets.wheel]
packages = ["src/PLACE"]
"""
CONFIG = """\
gitlab: {{url: "{gitlab}"}}
watch: {{groups: [acme]}}
state: sqlite:///state.db
indexes:
  registry: {{kind: gitlab}}
  other: {{upload_url: "{upload}", simple_url: "{simple}", username: __token__, password_env: INDEX_TOKEN}}
releases:
  - {{projects: ["acme/**"], tags: ["v*"], source: artifacts, indexes: [registry, other]}}
"""


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--own", metavar="PROJECT@REF", help="release this one in this process and print its times")
    given = parser.parse_args()
    if given.own:
        print(json.dumps(asdict(own_times(Path("ropewalk.yaml"), given.own))))
        return 0
    print(f"calibration: {calibrate():.3f} s for 200 MB of sha256 on one core")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        world = World(place / "world", seed=1)
        with running_index(place / "index", world.secret()) as index, running(world, index=index) as gitlab:
            bot = world.create_user("ropewalk")
            world.add_member(world.create_group("acme"), bot, Level.MAINTAINER)
            token = world.create_token(bot, ["api"], "bot")
            config = CONFIG.format(gitlab=gitlab.url, upload=index.upload_url, simple=index.simple_url)
            (place / "ropewalk.yaml").write_text(config)
            environment = os.environ | {"ROPEWALK_GITLAB_TOKEN": token, "INDEX_TOKEN": index.token}
            ours, plain, own = [], [], []
            for number in range(ROUNDS):
                name = f"rope{number}"
                _project(gitlab, name)
                ours.append(
                    _timed([sys.executable, "-m", "bot", "release", "apply", f"acme/{name}@v1.1.0"], place, environment)
                )
                _project(gitlab, f"own{number}")
                own.append(_own(place, f"own{number}", environment))
                plain.append(_plain(gitlab, _project(gitlab, f"plain{number}"), place, token, environment))
            status = [sys.executable, "-m", "bot", "release", "status", "acme/rope0@v1.1.0", "--format", "json"]
            said = subprocess.run(status, cwd=place, env=environment, capture_output=True, text=True, check=True)
    requests = json.loads(said.stdout)["requests"]
    phases = ", ".join(f"{phase} {count}" for phase, count in requests.items() if phase != "total")
    print(f"requests for a release with 3 merge requests: {requests['total']} ({phases})")
    best, tools = min(ours), min(plain)
    print(
        f"ropewalk release apply: {best:.2f} s; twine check + 2 × twine upload: {tools:.2f} s; ratio {best / tools:.2f}"
    )
    quick = min(own, key=lambda times: times.own)
    print(
        f"hook to proven: own time outside children {quick.own:.2f} s (promise: {OWN_SECONDS}), of it CPU "
        f"{quick.cpu:.2f} s; children {quick.children:.2f} s; {quick.turns} turns"
    )
    return 0 if requests["total"] <= MOST_REQUESTS and quick.own <= OWN_SECONDS else 1


def _project(gitlab: Gitlab, name: str) -> Project:
    """A project with three merged merge requests and a tag whose pipeline has made the files."""
    world = gitlab.world
    owner = world.user_named("root")
    assert owner is not None, "every sandbox has a root"
    tree = {
        "README.md": f"# {name}\n",
        ".gitlab-ci.yml": CI,
        "pyproject.toml": PYPROJECT.replace("PLACE", name),
        f"src/{name}/__init__.py": "",
    }
    project = world.create_project(f"acme/{name}", files=tree, creator=owner, tags=["v1.0.0"])
    world.protect_tag(project, "v*")
    for number in range(3):
        world.commit(project, f"change-{number}", f"Change {number}", {f"CHANGE{number}": "x"}, owner)
        request = world.create_merge_request(project, owner, f"change-{number}", f"Change {number}")
        world.merge(project, request, owner)
    world.create_tag(project, "v1.1.0", "main", owner, message="Release")
    done = gitlab.wait_until(lambda: any(p.status == "success" for p in gitlab.pipelines.pipelines(project.id)), 60)
    assert done, "the pipeline builds the files"
    return project


def _plain(gitlab: Gitlab, project: Project, place: Path, token: str, environment: dict[str, str]) -> float:
    """The same files with the plain tools: check, upload to the registry, upload to the index."""
    pipeline = gitlab.pipelines.pipelines(project.id)[0]
    archive = gitlab.pipelines.artifacts_path(gitlab.pipelines.jobs(pipeline.id)[0])
    assert archive is not None, "the job left artifacts"
    folder = place / project.path
    subprocess.run([sys.executable, "-m", "zipfile", "-e", str(archive), str(folder)], check=True)
    files = sorted(map(str, (folder / "dist").iterdir()))
    twine = [sys.executable, "-m", "twine"]
    registry = f"{gitlab.url}/api/v4/projects/{project.id}/packages/pypi"
    assert gitlab.index is not None, "the bench runs with an index"
    total = _timed([*twine, "check", "--strict", *files], place, environment)
    for url, user, password in ((registry, "bot", token), (gitlab.index.upload_url, "__token__", gitlab.index.token)):
        login = {"TWINE_USERNAME": user, "TWINE_PASSWORD": password}
        command = [*twine, "upload", "--non-interactive", "--disable-progress-bar", "--repository-url", url, *files]
        total += _timed(command, place, environment | login)
    return total


def _timed(command: list[str], place: Path, environment: dict[str, str]) -> float:
    began = time.perf_counter()
    done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout} {done.stderr}"
    return time.perf_counter() - began


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """What a release took, in seconds: turns without their children, the children, our CPU; and how many turns."""

    own: float
    children: float
    cpu: float
    turns: int


def own_times(config: Path, target: str) -> Times:
    """Take in the hook of a pushed tag and run the turns of its release until it is proven."""
    from bot.app import App
    from bot.domain.refs import parse_target
    from bot.domain.releases import Release, ReleaseState
    from bot.domain.secrets import Redactor
    from bot.engine.local import end_turn
    from bot.settings import load

    app = App(load(config, os.environ, Path.cwd()), Redactor())
    app.index.start()
    found = app.find(parse_target(target))
    spent = 0.0
    run = app.index._children.run

    def timed(*arguments: object, **named: object) -> object:
        nonlocal spent
        began = time.perf_counter()
        try:
            return run(*arguments, **named)  # type: ignore[arg-type]  # passed on
        finally:
            spent += time.perf_counter() - began

    app.index._children.run = timed  # type: ignore[method-assign,assignment]  # the one place that all children pass
    cpu, began, waited, turns = time.process_time(), time.perf_counter(), 0.0, 0
    app.hooks.take(_tag_push(found.project.id, found.project.full_path, found.project.web_url, found.release.id.sha))
    release: Release | None = found.release
    while (release := app.store.releases.release(found.release.key)) is not None and release.due_at is not None:
        pause = max((release.due_at - app.clock()).total_seconds(), 0)
        waited += pause
        time.sleep(pause)
        end_turn(app.store.releases, release, app.turn, app.clock)
        turns += 1
    wall = time.perf_counter() - began
    app.close()
    assert release is not None, "the hook began it"
    assert release.state is ReleaseState.PUBLISHED, release.next
    return Times(own=wall - waited - spent, children=spent, cpu=time.process_time() - cpu, turns=turns)


def _tag_push(number: int, path: str, url: str, sha: str) -> dict[str, object]:
    """The hook's body. The tag stands at the commit already."""
    project = {"id": number, "path_with_namespace": path, "web_url": url, "default_branch": "main"}
    return {
        "object_kind": "tag_push",
        "event_name": "tag_push",
        "before": "0" * 40,
        "after": sha,
        "checkout_sha": sha,
        "ref": "refs/tags/v1.1.0",
        "project_id": number,
        "project": project,
    }


def _own(place: Path, name: str, environment: dict[str, str]) -> Times:
    command = [sys.executable, "-m", "bench.bench_release", "--own", f"acme/{name}@v1.1.0"]
    root = {"PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run(command, cwd=place, env=environment | root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Times(**json.loads(done.stdout.splitlines()[-1]))


if __name__ == "__main__":
    sys.exit(main())
