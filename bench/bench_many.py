"""Many releases at once, and many that wait: throughput against the plain tools, memory, requests.

Prints, for a daemon beside the embedded GitLab and a real index, both on this machine:

- `--releases` tags pushed at once, each built by its own pipeline: seconds from the first push until all are proven on
  two indexes, with their GitLab Releases and notes; beside it the seconds of `python -m build`, `twine check` and
  `twine upload` to the same two places for as many projects, `--parallel` at a time; the ratio of their throughputs
  (promise: at least 0.9) and the largest resident memory of the daemon (promise: at most 250 MB) and of its family;
- `--waiting` releases whose pipelines run: resident memory (promise: at most 300 MB) and requests to GitLab a minute
  while hooks work (promise: at most one a minute for every ten of them), over `--minutes` after `--settle`, and
  what was asked for: all were pushed to within the hour, so their projects are looked at besides;
- a calibration line, since absolute figures depend on the machine.

Exit code 1 if a promise is broken. The real sizes take a quiet machine: 100 releases some minutes, 1,000 waiting
twenty.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.calibration import calibrate
from bot.domain.releases import ReleaseState
from bot.sandbox.world.people import Level
from bot.sandbox.world.places import Group, Project
from tests.stories.bot import Bot, Daemon, make_bot
from tests.stories.town import TAG, VERSION, Town, open_town
from tests.waiting import until

THROUGHPUT = 0.9
RELEASE_MB, WAITING_MB = 250, 300
REQUESTS = 0.1  # a minute for each release that waits
SAMPLE = 0.2  # seconds
BUILD = """\
build:
  rules: [{if: $CI_COMMIT_TAG}]
  script: [python -m build --no-isolation]
  artifacts: {paths: [dist/]}
"""
LONG = """\
build:
  rules: [{if: $CI_COMMIT_TAG}]
  script: [sleep 3600]
  timeout: 3h
"""
PYPROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "NAME"
version = "VERSION"
readme = "README.md"
[tool.hatch.build.targets.wheel]
packages = ["src/NAME"]
"""


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--releases", type=int, default=100)
    parser.add_argument("--parallel", type=int, default=2, help="jobs, and plain tools, at a time")
    parser.add_argument("--waiting", type=int, default=1_000)
    parser.add_argument("--settle", type=float, default=3.0, help="minutes before waiting is measured")
    parser.add_argument("--minutes", type=float, default=16.0, help="minutes of measuring: more than between two looks")
    given = parser.parse_args()
    print(f"calibration: {calibrate():.3f} s for 200 MB of sha256 on one core")
    kept = True
    if given.releases:
        with tempfile.TemporaryDirectory() as folder:
            kept &= at_once(Path(folder), given.releases, given.parallel)
    if given.waiting:
        with tempfile.TemporaryDirectory() as folder:
            kept &= waiting(Path(folder), given.waiting, given.settle * 60, given.minutes * 60)
    return 0 if kept else 1


def at_once(folder: Path, count: int, parallel: int) -> bool:
    """As many releases as told, by the bot and by hand."""
    with open_town(folder / "town", max_jobs=parallel) as town:
        ours, theirs = town.group(), town.group()
        projects = [_project(town, ours, BUILD) for _ in range(count)]
        by_hand = [_project(town, theirs, "") for _ in range(count)]
        bot = make_bot(folder / "bot", town, ours.full_path, poll="5s", hook_secret_file="hook.secret")
        _with_hooks(bot)
        with _watched(bot) as (_, memory):
            bot.settled()
            began = time.perf_counter()
            for project in projects:
                town.world.create_tag(project, TAG, "main", town.grace, "Release")
            until(lambda: _published(bot) == count, 60 * count)
            seconds = time.perf_counter() - began
        plain = _plain(town, folder / "plain", by_hand, parallel)
    ratio = plain / seconds
    print(
        f"{count} releases at once: {seconds:.1f} s, {count / seconds:.2f} a second; the plain tools, {parallel} at a "
        f"time: {plain:.1f} s, {count / plain:.2f} a second; ratio {ratio:.2f} (promise: {THROUGHPUT})"
    )
    print(
        f"  memory: daemon {memory.daemon:.0f} MB at most (promise: {RELEASE_MB}), with its family {memory.family:.0f}"
    )
    return ratio >= THROUGHPUT and memory.daemon <= RELEASE_MB


def waiting(folder: Path, count: int, settle: float, measure: float) -> bool:
    """Releases of projects whose pipelines run on and on; most of them wait in GitLab's queue, as they would."""
    with open_town(folder / "town", max_jobs=1) as town:
        group = town.group()
        town.world.add_member(group, town.bot, Level.OWNER)  # one hook of the group, not one of each project
        bot = make_bot(folder / "bot", town, group.full_path, poll="60s", hook_secret_file="hook.secret")
        _with_hooks(bot)
        projects = [_project(town, group, LONG) for _ in range(count)]
        with _watched(bot) as (_, memory):
            bot.settled()
            until(lambda: "hooks.mended" in bot.log.read_text(errors="replace"))
            for project in projects:
                town.world.create_tag(project, TAG, "main", town.grace, "Release")
            until(lambda: _waiting(bot) == count, 60 * settle + count)
            time.sleep(settle)
            since, began = town.mark(), time.perf_counter()
            time.sleep(measure)
            minutes = (time.perf_counter() - began) / 60
            asked = Counter(_kind(one.path) for one in town.requests(since))
            states = Counter(row.state.value for row in bot.records())
    told = ", ".join(f"{number} {state}" for state, number in states.items())
    rate = asked.total() / minutes
    print(
        f"{count} releases whose pipelines run ({told}): {rate:.0f} requests a minute (promise: "
        f"{REQUESTS * count:.0f}), memory {memory.daemon:.0f} MB (promise: {WAITING_MB})"
    )
    for kind, number in asked.most_common():
        print(f"  {number / minutes:6.1f} a minute: {kind}")
    return rate <= REQUESTS * count and memory.daemon <= WAITING_MB and states == {ReleaseState.WAITING.value: count}


def _kind(path: str) -> str:
    """What is asked for, whichever project or pipeline it is."""
    return re.sub(r"/\d+(?=/|$)", "/:id", path.partition("?")[0].removeprefix("/api/v4"))


@dataclass(slots=True)
class Memory:
    """The largest resident memory seen, in MB: of the daemon, and of it with all its descendants."""

    daemon: float = 0.0
    family: float = 0.0
    over: threading.Event = field(default_factory=threading.Event)

    def watch(self, daemon: Daemon) -> None:
        """Sample until it is over."""
        while not self.over.wait(SAMPLE):
            sizes = [_resident(pid) for pid in daemon.family()]
            self.daemon, self.family = max(self.daemon, sizes[0]), max(self.family, sum(sizes))


@contextmanager
def _watched(bot: Bot) -> Iterator[tuple[Daemon, Memory]]:
    """A daemon whose memory is watched for the length of the block."""
    memory = Memory()
    with bot.serving() as daemon:
        watcher = threading.Thread(target=memory.watch, args=(daemon,))
        watcher.start()
        try:
            yield daemon, memory
        finally:
            memory.over.set()
            watcher.join()


def _resident(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024 / 1024


def _with_hooks(bot: Bot) -> None:
    """Hooks that GitLab sends to the daemon, which makes them itself at its start."""
    bot.secret("hook.secret", "bench")
    bot.config["web"] |= {"public_url": f"http://127.0.0.1:{bot.port}/", "allow_plain_http": True}


def _project(town: Town, group: Group, ci: str) -> Project:
    name = f"rope{next(town.numbers)}"
    tree = {
        "README.md": f"# {name}\n",
        "pyproject.toml": PYPROJECT.replace("NAME", name).replace("VERSION", VERSION),
        f"src/{name}/__init__.py": "",
        **({".gitlab-ci.yml": ci} if ci else {}),
    }
    project = town.world.create_project(f"{group.full_path}/{name}", files=tree, creator=town.grace)
    town.world.protect_tag(project, "v*")
    return project


def _published(bot: Bot) -> int:
    return sum(one.state is ReleaseState.PUBLISHED for one in bot.records())


def _waiting(bot: Bot) -> int:
    return sum(one.state is ReleaseState.WAITING and one.heard_at is not None for one in bot.records())


def _plain(town: Town, folder: Path, projects: Sequence[Project], parallel: int) -> float:
    """Seconds for all projects by hand, so many at a time."""
    with ThreadPoolExecutor(parallel) as pool:
        began = time.perf_counter()
        list(pool.map(lambda project: _by_hand(town, folder / project.path, project), projects))
        return time.perf_counter() - began


def _by_hand(town: Town, folder: Path, project: Project) -> None:
    """Clone, build, check, upload twice: what a job without the bot would do."""
    remote = f"{town.gitlab.url}/{project.full_path}.git".replace("://", f"://grace:{_token(town)}@")
    _run(["git", "clone", "--quiet", "--depth", "1", remote, str(folder)], folder.parent)
    _run([sys.executable, "-m", "build", "--no-isolation"], folder)
    files = sorted(str(path) for path in (folder / "dist").iterdir())
    twine = [sys.executable, "-m", "twine"]
    _run([*twine, "check", "--strict", *files], folder)
    registry = f"{town.gitlab.url}/api/v4/projects/{project.id}/packages/pypi"
    for url, user, password in (
        (registry, "grace", _token(town)),
        (town.index.upload_url, town.index.username, town.index.token),
    ):
        login = {"TWINE_USERNAME": user, "TWINE_PASSWORD": password}
        _run(
            [*twine, "upload", "--non-interactive", "--disable-progress-bar", "--repository-url", url, *files],
            folder,
            login,
        )


def _token(town: Town) -> str:
    return town.world.create_token(town.grace, ["api", "read_repository", "write_repository"], "bench")


def _run(command: Sequence[str], place: Path, more: dict[str, str] | None = None) -> None:
    place.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        command, cwd=place, env=os.environ | (more or {}), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}: {done.stdout} {done.stderr}"


if __name__ == "__main__":
    sys.exit(main())
