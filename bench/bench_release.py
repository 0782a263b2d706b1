"""What a release costs: requests to GitLab by phase, and wall time against the plain tools on the same files.

Prints, for one small package with three merged merge requests on two indexes (GitLab's registry and another):

- requests by phase, as `ropewalk release status --verbose` shows them;
- seconds of `ropewalk release apply` (process start included) and of `twine check` + `twine upload` twice by hand, both
  against the same embedded GitLab and index, and their ratio;
- a calibration line, since absolute figures depend on the machine.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bot.sandbox.index import running_index
from bot.sandbox.server import Gitlab, running
from bot.sandbox.world import World
from bot.sandbox.world.people import Level
from bot.sandbox.world.places import Project

ROUNDS = 3
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


def main() -> None:
    """Measure and print."""
    print(f"calibration: {_calibrate():.3f} s for 200 MB of sha256 on one core")
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
            ours, plain = [], []
            for number in range(ROUNDS):
                name = f"rope{number}"
                _project(gitlab, name)
                ours.append(
                    _timed([sys.executable, "-m", "bot", "release", "apply", f"acme/{name}@v1.1.0"], place, environment)
                )
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


def _calibrate() -> float:
    block = bytes(2_000_000)
    began = time.perf_counter()
    digest = hashlib.sha256()
    for _ in range(100):
        digest.update(block)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
