"""What release notes cost: a thousand merge requests between two tags, found by one command.

Prints requests, seconds and peak memory of `ropewalk notes` (process start included), beside a loop with python-gitlab
that asks for the merge requests of each merge commit, and their ratio; at the end a calibration line.
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
from typing import Any

from bot.sandbox.server import running
from bot.sandbox.world import World
from bot.sandbox.world.people import Level
from tests.contract.many_requests import merge_many

REQUESTS = 1_000
MOST_REQUESTS, MOST_MIB = 30, 100
CONFIG = """\
gitlab: {{url: "{gitlab}"}}
watch: {{groups: [acme]}}
state: sqlite:///state.db
indexes: {{registry: {{kind: gitlab}}}}
releases:
  - {{projects: ["acme/**"], tags: ["v*"], indexes: [registry]}}
"""
# The bare command: its own interpreter, so that its peak is its own.
LOOP = """\
import sys, gitlab
client = gitlab.Gitlab(sys.argv[1], oauth_token=sys.argv[2], per_page=100)
project = client.projects.get(sys.argv[3])
commits = project.repository_compare("v1", "v2")["commits"]
merges = [one["id"] for one in commits if len(one["parent_ids"]) > 1]
found = {row["iid"] for sha in merges for row in project.commits.get(sha, lazy=True).merge_requests(get_all=True)}
print(len(found))
"""
PEAK = "import resource; print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024, file=sys.stderr)"


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        world = World(folder / "world", seed=1)
        bot = world.create_user("ropewalk")
        world.add_member(world.create_group("acme"), bot, Level.MAINTAINER)
        project = world.create_project("acme/rope", files={"README.md": "rope\n"}, creator=bot, tags=["v1"])
        merge_many(world, project, bot, REQUESTS)
        world.create_tag(project, "v2", "main", bot)
        token = world.create_token(bot, ["read_api"], "bench")
        with running(world) as gitlab:
            (folder / "ropewalk.yaml").write_text(CONFIG.format(gitlab=gitlab.url))
            ours, seconds, peak = _notes(folder, project.full_path, token)
            loop = _loop(folder, gitlab.url, token, project.full_path)
    found, asked = len(ours["merge_requests"]), ours["requests"]
    print(f"merge requests found: {found} of {REQUESTS}")
    print(f"requests: {asked} (at most {MOST_REQUESTS}); one by one it would be {REQUESTS + 2}")
    print(f"peak memory: {peak} MiB (at most {MOST_MIB})")
    print(f"seconds: {seconds:.1f}; one by one {loop:.1f}; ratio {seconds / loop:.2f}")
    print(f"calibration: {_calibrate():.3f} s for 200 MB of sha256 on one core")
    if found != REQUESTS or asked > MOST_REQUESTS or peak > MOST_MIB:
        sys.exit("a promise is not kept")


def _notes(folder: Path, project: str, token: str) -> tuple[dict[str, Any], float, int]:
    """The command's JSON, its seconds, and its peak in MiB."""
    command = [sys.executable, "-m", "bot", "notes", f"{project}@v2", "--format", "json"]
    script = f"import subprocess, sys\ndone = subprocess.run({command!r})\n{PEAK}\nsys.exit(done.returncode)"
    environment = {**os.environ, "ROPEWALK_GITLAB_TOKEN": token, "PYTHONPATH": str(Path.cwd())}
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    seconds = time.monotonic() - start
    parsed = json.loads(done.stdout)
    assert isinstance(parsed, dict)
    return parsed, seconds, int(done.stderr.splitlines()[-1])


def _loop(folder: Path, url: str, token: str, project: str) -> float:
    start = time.monotonic()
    arguments = [sys.executable, "-c", LOOP, url, token, project]
    done = subprocess.run(arguments, cwd=folder, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(REQUESTS)
    return time.monotonic() - start


def _calibrate() -> float:
    data = b"x" * 1_000_000
    start = time.monotonic()
    digest = hashlib.sha256()
    for _ in range(200):
        digest.update(data)
    return time.monotonic() - start


if __name__ == "__main__":
    main()
