"""The durable engine beneath `ropewalk serve`: how quick, how idle, how small with many releases waiting.

Prints, for a daemon on the embedded GitLab:

- seconds from the start of `serve` to /readyz, cold and warm, and from SIGTERM to its end;
- milliseconds from a tag push hook to the first request to GitLab that its turn makes;
- CPU of the idle daemon, as a share of one core;
- threads and resident memory with 1,000 releases waiting for their time;
- a calibration line, since absolute figures depend on the machine.
"""

from __future__ import annotations

import os
import signal
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import httpx

from bench.calibration import calibrate
from bot.adapters.store.open import open_state
from bot.adapters.store.store import Store
from bot.domain.refs import RefKind
from bot.domain.releases import Release, ReleaseId, ReleaseState
from tests.stories.bot import Bot, Daemon, make_bot
from tests.stories.town import TAG, Town, open_town
from tests.waiting import until

HOOKS = 25
WAITING = 1_000
IDLE = 30.0  # seconds
SETTLE = 5.0  # seconds
TICKS = os.sysconf("SC_CLK_TCK")

SECRET = "bench"
T = TypeVar("T")


def main() -> None:
    """Measure and print."""
    print(f"calibration: {calibrate():.3f} s for 200 MB of sha256 on one core")
    with tempfile.TemporaryDirectory() as folder, open_town(Path(folder) / "town") as town:
        group = town.group()
        bot = make_bot(Path(folder) / "bot", town, group.full_path, poll="60s", hook_secret_file="hook.secret")
        bot.secret("hook.secret", SECRET)
        for name in ("cold", "warm"):
            daemon, ready = _timed(lambda: _ready(bot))
            spent = _ticks(daemon) / TICKS
            code, stopped = _timed(daemon.stop)
            print(f"serve, {name}: ready in {ready:.2f} s ({spent:.2f} s of CPU), stopped in {stopped:.2f} s ({code=})")
        daemon = _ready(bot)
        delays = sorted(_hook(town, bot, town.package(group, changes=0, files={}).project.id) for _ in range(HOOKS))
        print(
            f"hook to first request of its turn: median {statistics.median(delays):.0f} ms, "
            f"90 % {delays[int(0.9 * HOOKS)]:.0f} ms, worst {delays[-1]:.0f} ms ({HOOKS} hooks)"
        )
        daemon.stop()
        bot.state.unlink()
        daemon = _ready(bot)
        bot.settled()
        time.sleep(SETTLE)  # what a start brings along (first looks, cleaning up) is no idling
        print(f"idle: {_cpu(daemon):.1f} % of a core, {_size(daemon)}")
        _wait_in_rows(bot)
        time.sleep(SETTLE)
        print(f"{WAITING} releases waiting: {_cpu(daemon):.1f} % of a core, {_size(daemon)}")
        daemon.process.send_signal(signal.SIGTERM)
        daemon.process.wait()


def _ready(bot: Bot) -> Daemon:
    daemon = bot.daemon()
    daemon.ready()
    return daemon


def _hook(town: Town, bot: Bot, project_id: int) -> float:
    """Milliseconds from a hook's arrival to the first request for its project."""
    project = town.world.projects[project_id]
    sha = town.world.create_tag(project, TAG, "main", town.grace, "Release")
    body = {
        "object_kind": "tag_push",
        "event_name": "tag_push",
        "before": "0" * 40,
        "after": sha,
        "checkout_sha": sha,
        "ref": f"refs/tags/{TAG}",
        "project_id": project_id,
        "project": {
            "id": project_id,
            "path_with_namespace": project.full_path,
            "web_url": f"{town.gitlab.url}/{project.full_path}",
            "default_branch": "main",
        },
    }
    since = town.mark()
    began = time.perf_counter()
    _send(bot, body)
    at = f"/api/v4/projects/{project_id}/"
    until(lambda: any(one.path.startswith(at) for one in town.requests(since)))
    return (time.perf_counter() - began) * 1000


def _send(bot: Bot, body: dict[str, object]) -> None:
    headers = {"X-Gitlab-Token": SECRET, "X-Gitlab-Event": "Tag Push Hook"}
    response = httpx.post(
        f"http://127.0.0.1:{bot.port}/hooks/gitlab", json=body, headers=headers, trust_env=False, verify=False
    )
    assert response.status_code == 202, response.text


def _wait_in_rows(bot: Bot) -> None:
    """Releases that wait for a time still to come."""
    now = datetime.now(UTC)
    store = Store(open_state(bot.state), str)
    for number in range(WAITING):
        release = Release(
            id=ReleaseId(project_id=100_000 + number, kind=RefKind.TAG, ref=TAG, sha=f"{number:040x}"),
            project=f"acme/waits{number}",
            state=ReleaseState.WAITING,
            created_at=now,
            updated_at=now,
            asked_at=now,
            due_at=now + timedelta(hours=1),
        )
        assert store.releases.add(replace(release))
    store.close()


def _cpu(daemon: Daemon) -> float:
    before = _ticks(daemon)
    began = time.perf_counter()
    time.sleep(IDLE)
    return 100 * (_ticks(daemon) - before) / TICKS / (time.perf_counter() - began)


def _ticks(daemon: Daemon) -> int:
    fields = Path(f"/proc/{daemon.process.pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _size(daemon: Daemon) -> str:
    lines = Path(f"/proc/{daemon.process.pid}/status").read_text().splitlines()
    status = dict(line.split(":", 1) for line in lines if ":" in line)
    return f"{int(status['VmRSS'].split()[0]) / 1024:.0f} MB, {status['Threads'].strip()} threads"


def _timed(call: Callable[[], T]) -> tuple[T, float]:
    began = time.perf_counter()
    return call(), time.perf_counter() - began


if __name__ == "__main__":
    main()
