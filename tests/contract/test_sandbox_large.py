"""Many projects: quick to build, read without writing them to disk, listed by rules that depend on their number."""

import gc
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from bot.sandbox.server import Gitlab, running
from bot.sandbox.world import World
from bot.sandbox.world.places import Project
from bot.sandbox.worlds import large

PROJECTS = 10_001  # one more than GitLab counts
SECONDS, MIB = 10.0, 600.0


def resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    built = World(tmp_path_factory.mktemp("large"), seed=1)
    large.build(built, PROJECTS, seed=1)
    return built


@pytest.fixture(scope="module")
def served(world: World) -> Iterator[Gitlab]:
    with running(world) as gitlab:
        yield gitlab


def get(gitlab: Gitlab, path: str) -> httpx.Response:
    headers = {"PRIVATE-TOKEN": gitlab.admin_token}
    answer = httpx.get(f"{gitlab.url}/api/v4{path}", headers=headers, trust_env=False, verify=False, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer


def test_ten_thousand_projects_are_built_in_seconds_and_little_memory(tmp_path: Path) -> None:
    gc.collect()
    before, started = resident_mib(), time.process_time()
    world = World(tmp_path, seed=2)
    large.build(world, 10_000, seed=2)
    assert time.process_time() - started < SECONDS
    assert resident_mib() - before < MIB
    assert len(world.projects) == 10_000 and len(world.groups) == 1 + 10 + 100
    one = world.project_paths[large.full_path(1234).lower()]
    assert one.protects("v9", tag=True) and one.protects("main", tag=False) and len(one.variables) == 2
    careless = [
        project
        for project in world.projects.values()
        for row in project.variables
        if row.key == "TWINE_PASSWORD" and not row.protected
    ]
    assert 100 < len(careless) < 300
    assert not any(tmp_path.iterdir()), "nothing is on disk before somebody looks"


def test_the_same_seed_builds_the_same_world(tmp_path: Path) -> None:
    def flags(seed: int) -> list[tuple[str, bool, bool]]:
        world = World(tmp_path, seed=3)
        large.build(world, 300, seed)
        return [(one.full_path, row.masked, row.protected) for one in world.projects.values() for row in one.variables]

    assert flags(5) == flags(5) != flags(6)


def test_reading_tags_branches_and_files_writes_no_repository(served: Gitlab) -> None:
    tags = get(served, "/projects/7/repository/tags?order_by=name&sort=asc").json()
    assert [one["name"] for one in tags] == list(large.TAGS)
    assert tags[0]["commit"]["id"] == get(served, "/projects/7/repository/branches/main").json()["commit"]["id"]
    path = large.full_path(6)
    blobs = 'blobs(paths: [".gitlab-ci.yml"]) { nodes { size } }'
    query = f'{{ project(fullPath: "{path}") {{ repository {{ {blobs} }} }} }}'
    headers = {"PRIVATE-TOKEN": served.admin_token}
    answer = httpx.post(
        f"{served.url}/api/graphql", json={"query": query}, headers=headers, trust_env=False, verify=False
    )
    assert answer.json()["data"]["project"]["repository"]["blobs"]["nodes"][0]["size"] > 100
    assert not served.world.projects[7].git.path.exists()


def _read(project: Project) -> tuple[object, ...]:
    git = project.git
    head = git.branch("main")
    assert head is not None
    blobs = [git.blob(head.commit, path) for path in ("src/a.py", "src", "absent")]
    return git.refs(), git.commits([head.commit]), blobs


def test_what_is_told_without_git_is_what_git_tells(tmp_path: Path) -> None:
    files = {"src/a.py": "print()\n", "README.md": "grüße\n"}
    lazy = World(tmp_path / "lazy", seed=1).create_project("a/b", files=files, tags=["v1", "x/y"])
    told = _read(lazy)
    assert not lazy.git.path.exists()
    lazy.repository.stat()
    lazy.git.forget()
    assert (told[0], told[2]) == (_read(lazy)[0], _read(lazy)[2])
    again = Project(
        id=1,
        path="b",
        namespace=lazy.namespace,
        created_at=lazy.created_at,
        last_activity_at=lazy.created_at,
        git=type(lazy.git)(path=lazy.git.path, default_branch="main"),
        instance_variables=[],
    )
    assert _read(again) == told


def test_more_than_ten_thousand_rows_are_not_counted(served: Gitlab) -> None:
    """GitLab: lib/gitlab/pagination/offset_header_builder.rb."""
    many = get(served, "/projects?per_page=100")
    assert "X-Total" not in many.headers and "X-Total-Pages" not in many.headers
    assert 'rel="last"' not in many.headers["Link"] and many.headers["X-Next-Page"] == "2"
    fewer = get(served, "/projects?per_page=100&id_after=1")
    assert fewer.headers["X-Total"] == "10000" and 'rel="last"' in fewer.headers["Link"]


@pytest.mark.slow
def test_keyset_pages_lead_through_all_projects(served: Gitlab) -> None:
    """GitLab: lib/gitlab/pagination/keyset. The `Link` is followed, in both directions."""
    for sort, first in (("asc", 1), ("desc", PROJECTS)):
        url, met = f"/projects?pagination=keyset&order_by=id&sort={sort}&per_page=100&simple=true", []
        while url:
            answer = get(served, url)
            met += [one["id"] for one in answer.json()]
            link = answer.headers.get("Link", "")
            url = link.partition("/api/v4")[2].partition(">")[0]
        assert len(met) == len(set(met)) == PROJECTS and met[0] == first


@pytest.mark.slow
def test_the_command_serves_so_many_projects_with_latency(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bot", "sandbox", "--projects", "50", "--latency", "50ms", "--seed", "1"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    process = subprocess.Popen([*command, "--format", "json"], stdout=subprocess.PIPE, text=True, env=environment)
    try:
        assert process.stdout is not None
        state = json.loads(process.stdout.readline())
        assert len(state["projects"]) == 50 and state["projects"][0]["path"] == "fleet/area-0/team-0/service-00000"
        headers = {"PRIVATE-TOKEN": state["admin_token"]}
        answer = httpx.get(f"{state['url']}/api/v4/projects/50", headers=headers, trust_env=False, verify=False)
        assert answer.status_code == 200 and answer.elapsed.total_seconds() >= 0.05
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--projects", "0"], "--projects"),
        (["--latency", "soon"], "--latency"),
        (["--world", "mars"], "--world"),
    ],
)
def test_misuse_of_the_command_is_told(arguments: list[str], told: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bot", "sandbox", *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2 and told in done.stderr and "Traceback" not in done.stderr
