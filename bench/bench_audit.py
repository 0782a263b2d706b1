"""Promise: an audit of variables costs a fortieth of a plain loop in requests and time, and 200 MB at most.

An embedded GitLab with 50 ms of latency holds N projects in nested groups, of which 5 % publish. `ropewalk audit run
--only RW1` is measured as its users run it; the plain loop gathers the same facts with python-gitlab (variables of each
project and of each group once, the CI file of each publisher), one request after the other and on 16 threads. The loop
is measured on the first 200 projects and scaled to N: it is linear in projects, and would take hours. Seconds are those
of the sweep, on either side without the start of a process. Then all rules.

`--projects N` (several times) chooses sizes; exit code 1 if a promise is broken.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import gitlab
import httpx

from bot.sandbox.server import running
from bot.sandbox.world import World
from bot.sandbox.world.people import Level
from bot.sandbox.worlds.large import full_path

LATENCY = 0.05  # seconds, added to every answer
LOOP = 200  # projects the plain loop is measured on
THREADS = 16
PUBLISHING = 20  # one project in so many
FEWER, FASTER, FASTER_THAN_THREADS = 40, 40, 5
MEMORY_MIB = 200.0
MORE = 1.3
CI = """\
build:
  image: python:3.13-slim
  script: [python -m build]
"""
SHARED = 4  # one publisher in so many has its job in a file that its CI file takes in
INCLUDING_CI = "include: ci/publish.yml\n"
PUBLISHING_CI = f"""\
{CI}
publish:
  image: python:3.13-slim
  environment: pypi
  script: [twine check --strict dist/*, twine upload dist/*]
  rules:
    - if: $CI_COMMIT_TAG && $CI_COMMIT_REF_PROTECTED == "true"
"""
CONFIG = 'gitlab: {{url: "{url}", token_file: token}}\nwatch: {{groups: [fleet]}}\nstate: sqlite:///state.db\n'


def build(world: World, projects: int) -> None:
    """An organisation: areas, teams, services; each has a plain variable, some publish."""
    owner = world.create_user("ada")
    group = world.create_group("fleet")
    world.add_member(group, owner, Level.OWNER)
    plain = {".gitlab-ci.yml": CI.encode()}
    publishing = {".gitlab-ci.yml": PUBLISHING_CI.encode()}
    including = {".gitlab-ci.yml": INCLUDING_CI.encode(), "ci/publish.yml": PUBLISHING_CI.encode()}
    for number in range(projects):
        publishes = number % PUBLISHING == 0
        files = plain
        if publishes:
            files = including if number // PUBLISHING % SHARED == 0 else publishing
        project = world.create_project(full_path(number), files=files, creator=owner)
        world.set_variable(project, "DEPLOY_REGION", "eu-west-1")
        world.set_variable(project, "LOG_LEVEL", "info")
        if publishes:
            careless = number % 200 == 0
            world.protect_tag(project, "v*")
            world.set_variable(
                project, "TWINE_PASSWORD", "not-a-secret-00", masked=not careless, protected=True, raw=True
            )
        if number % 100 == 0:
            world.set_variable(project.namespace, "TEAM_CHANNEL", f"team-{number // 100}")
    world.create_token(owner, ["api"], "ropewalk")


def serve(projects: int) -> None:
    """Hold the organisation until told to stop; print its address and token."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), seed=1)
        build(world, projects)
        done = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: done.set())
        with running(world, latency_seconds=LATENCY) as served:
            token = next(one.secret for one in world.tokens.values() if one.name == "ropewalk")
            print(json.dumps({"url": served.url, "token": token, "control": served.control_token}), flush=True)
            done.wait()


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    """A running one."""

    url: str
    token: str
    control: str

    def asked(self) -> list[str]:
        """The paths of the requests that came since the last question."""
        headers = {"X-Sandbox-Token": self.control}
        with httpx.Client(headers=headers, trust_env=False, verify=False, timeout=60) as client:
            found = [str(one["path"]) for one in client.get(f"{self.url}/-/sandbox/requests").json()]
            client.delete(f"{self.url}/-/sandbox/requests")
        return found

    def requests(self) -> int:
        """How many they were."""
        return len(self.asked())


@contextmanager
def organisation(projects: int) -> Iterator[Organisation]:
    """One with so many projects, in a process of its own."""
    command = [sys.executable, __file__, "--serve", str(projects)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield Organisation(**json.loads(process.stdout.readline()))
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one way of asking took."""

    requests: float
    seconds: float
    memory: float = 0.0
    paths: tuple[str, ...] = ()

    @property
    def linted(self) -> int:
        """How often GitLab was asked to merge a CI file."""
        return sum("/ci/lint" in path for path in self.paths)

    @property
    def by_rest(self) -> int:
        """Of how many projects something was asked over REST."""
        return len({found[1] for path in self.paths if (found := re.match(r"/api/v4/projects/(\d+)", path))})


def plain(org: Organisation, projects: int, threads: int) -> Cost:
    """The loop anybody would write, on the first projects, scaled to all."""
    local = threading.local()

    def client() -> gitlab.Gitlab:
        if not hasattr(local, "client"):
            local.client = gitlab.Gitlab(org.url, oauth_token=org.token, per_page=100)
        found: gitlab.Gitlab = local.client
        return found

    def look(number: int) -> None:
        project = client().projects.get(number, lazy=True)
        keys = {variable.key for variable in project.variables.list(iterator=True)}
        if "TWINE_PASSWORD" in keys:
            base64.b64decode(project.files.get(".gitlab-ci.yml", ref="main").content)

    def group(number: int) -> None:
        list(client().groups.get(number, lazy=True).variables.list(iterator=True))

    org.requests()
    began = time.perf_counter()
    fleet = client().groups.get("fleet", lazy=True)
    pages = range(1, LOOP // 100 + 1)
    rows = [row for page in pages for row in fleet.projects.list(include_subgroups=True, page=page, get_all=False)]
    groups = {int(row.namespace["id"]) for row in rows}
    if threads == 1:
        for row in rows:
            look(int(row.id))
        for number in groups:
            group(number)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(look, [int(row.id) for row in rows]))
            list(pool.map(group, groups))
    scale = projects / len(rows)
    return Cost(seconds=(time.perf_counter() - began) * scale, requests=org.requests() * scale)


def ours(org: Organisation, *arguments: str) -> tuple[Cost, dict[str, object]]:
    """`ropewalk audit run`, process start included."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "token").write_text(org.token)
        (folder / "token").chmod(0o600)
        (folder / "ropewalk.yaml").write_text(CONFIG.format(url=org.url))
        command = [sys.executable, "-m", "bot", "audit", "run", "--format", "json", "--output", "report.json"]
        org.requests()
        began = time.perf_counter()
        process = subprocess.Popen([*command, *arguments], cwd=folder, stderr=subprocess.DEVNULL)
        _, _, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        report = json.loads((folder / "report.json").read_text())
    paths = tuple(org.asked())
    return Cost(requests=len(paths), seconds=seconds, memory=used.ru_maxrss / 1024, paths=paths), report


def measure(projects: int, broken: list[str]) -> Cost:
    """Print what an organisation of that size costs, and add the broken promises; the cost of all rules."""

    def promise(name: str, got: float, least: float) -> None:
        print(f"  {name}: {got:.1f} (at least {least:g})")
        if got < least:
            broken.append(f"{name} at {projects:,}")

    with organisation(projects) as org:
        ours(org, "--only", "RW1")  # what a server does only once (opening repositories, say) is no side's cost
        audit, report = ours(org, "--only", "RW1")
        loop, pooled = plain(org, projects, 1), plain(org, projects, THREADS)
        print(f"{projects:,} projects, rules RW1:")
        started, seconds = audit.seconds, float(str(report["seconds"]))
        print(f"  ropewalk: {audit.requests:.0f} requests, {seconds:.1f} s (with start and report {started:.1f} s)")
        print(f"  plain loop, scaled from {LOOP}: {loop.requests:.0f} requests, {loop.seconds:.1f} s")
        print(f"  the same on {THREADS} threads: {pooled.seconds:.1f} s")
        promise("times fewer requests", loop.requests / audit.requests, FEWER)
        promise("times less wall time", loop.seconds / seconds, FASTER)
        promise("times less than on threads", pooled.seconds / seconds, FASTER_THAN_THREADS)
        promise("of the request budget left", (projects / 40 + 25) / audit.requests, 1)
        print(f"  peak memory: {audit.memory:.0f} MiB (at most {MEMORY_MIB:.0f})")
        whole, told = ours(org)
        print(f"  all rules: {whole.requests:.0f} requests, {whole.seconds:.1f} s, {whole.memory:.0f} MiB")
        findings, unknown = told["findings"], told["unknown"]
        assert isinstance(findings, list)
        assert isinstance(unknown, list)
        publishers = -(-projects // PUBLISHING)
        sharing = -(-publishers // SHARED)
        print(f"  all rules: CI Lint asked {whole.linted} times ({sharing} projects share the one file that it merges)")
        print(f"  all rules: REST facts of {whole.by_rest} projects ({publishers} publish)")
        if whole.linted > 1 or whole.by_rest > publishers:
            broken.append(f"facts of publishers alone, each blob once at {projects:,}")
        print(f"  all rules: {len(findings)} findings, {len(unknown)} unknown, complete: {told['complete']}")
        if max(audit.memory, whole.memory) > MEMORY_MIB:
            broken.append(f"memory at {projects:,}")
        if report["projects"] != projects or not told["complete"]:
            broken.append(f"completeness at {projects:,}")
    return whole


def linear(sizes: Sequence[int], costs: Sequence[Cost], broken: list[str]) -> None:
    """Print what a project costs at each size; at the largest it may cost little more than at the smallest."""
    for what, per in (
        ("ms", [1000 * cost.seconds / size for size, cost in zip(sizes, costs, strict=True)]),
        ("requests", [cost.requests / size for size, cost in zip(sizes, costs, strict=True)]),
    ):
        told = ", ".join(f"{one:.3f} at {size:,}" for one, size in zip(per, sizes, strict=True))
        print(f"a project costs, by all rules, in {what}: {told} (at most {MORE} times as much at the largest)")
        if per[-1] > MORE * per[0]:
            broken.append(f"linear in projects ({what})")


def main() -> int:
    """Measure; 0 when every promise holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--projects", type=int, action="append")
    parser.add_argument("--serve", type=int)
    asked = parser.parse_args()
    if asked.serve is not None:
        serve(asked.serve)
        return 0
    began = time.perf_counter()
    sum(range(10**7))
    print(f"calibration: ten million additions take {time.perf_counter() - began:.2f} s")
    broken: list[str] = []
    sizes = sorted(asked.projects or (2_000, 10_000))
    linear(sizes, [measure(projects, broken) for projects in sizes], broken)
    print(f"broken: {', '.join(broken)}" if broken else "every promise holds")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
