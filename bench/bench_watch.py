"""Promises of the watch: 10,000 projects are enrolled within a minute, an idle poll is three requests, hooks are taken.

Prints, against an embedded GitLab with 50 ms of latency in a process of its own:

- seconds and requests to enrol `--projects` projects, and projects a second whose refs are then read;
- requests of an idle tick, and of one after `--active` projects had news (promise: 2 M + 3, plus further pages);
- for hooks at `--rate` a second for `--seconds` (`--full`: ten minutes and one): how many were acknowledged and stored,
  and how long the answers took (promise: 99 of 100 within 100 ms at 300 a second, within 400 ms at 1,000);
- a calibration line, since absolute figures depend on the machine.

Exit code 1 if a promise about numbers of requests or hooks stored is broken.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import yaml

from bench.calibration import calibrate
from bot.adapters.store.open import open_state
from bot.adapters.store.store import Store
from bot.domain.secrets import Redactor
from tests.stories.bot import free_port

ENROL_SECONDS = 60.0
IDLE_REQUESTS = 3
LATENCY = "50ms"
SECRET = "bench"
CONNECTIONS = 50
P99 = {300: 0.1, 1_000: 0.4}  # seconds, by hooks a second
FULL_SECONDS = [600, 60]
ZEROES = "0" * 40


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--projects", type=int, default=10_000)
    parser.add_argument("--active", type=int, default=100)
    parser.add_argument("--rate", type=int, nargs="*", default=[300, 1_000], help="hooks a second")
    parser.add_argument("--seconds", type=int, nargs="*", default=[20, 20], help="as long for each rate")
    parser.add_argument("--full", action="store_true", help=f"hooks for {FULL_SECONDS} seconds")
    given = parser.parse_args()
    if given.full:
        given.seconds = FULL_SECONDS
    print(f"calibration: {calibrate():.3f} s for 200 MB of sha256 on one core")
    with tempfile.TemporaryDirectory() as folder:
        kept = watch(Path(folder), given.projects, given.active)
        for rate, seconds in zip(given.rate, given.seconds, strict=True):
            kept &= hooks(Path(folder) / f"hooks{rate}", rate, seconds)
    return 0 if kept else 1


def watch(folder: Path, projects: int, active: int) -> bool:
    """Enrolling and polling, by the bot's own parts in this process."""
    with Sandbox(projects) as sandbox:
        bot = sandbox.bot(folder)
        began = time.perf_counter()
        before = bot.meter.count()
        found = bot.watcher.enrol()
        seconds, requests = time.perf_counter() - began, bot.meter.count() - before
        kept = found.projects == projects and seconds <= ENROL_SECONDS
        print(f"enrol {found.projects} projects: {seconds:.1f} s, {requests} requests (promise: {ENROL_SECONDS:.0f} s)")
        first_looks(bot, projects, 2)
        sandbox.later(3 * 3600)
        bot.account.identity()  # hears GitLab's new time
        bot.watcher.tick(0)
        # Looking at all the others would take as long as the line above says; ticks are measured without them.
        for one in bot.store.enrolment.due(bot.clock(), projects):
            bot.store.enrolment.put_off(one.project.id, None)
        sandbox.later(60)
        bot.account.identity()
        before = bot.meter.count()
        bot.watcher.tick(1_000)
        requests = bot.meter.count() - before
        kept &= requests <= IDLE_REQUESTS
        print(f"idle tick over {projects} projects: {requests} requests (promise: {IDLE_REQUESTS})")
        sandbox.tag(active)
        before, began = bot.meter.count(), time.perf_counter()
        tick = bot.watcher.tick(1_000)
        requests, pages = bot.meter.count() - before, active // 100
        kept &= requests <= 2 * active + 3 + pages and len(tick.changes) == active
        print(
            f"tick with {active} active projects: {len(tick.changes)} changes, {requests} requests "
            f"(promise: {2 * active + 3 + pages}), {time.perf_counter() - began:.1f} s"
        )
        bot.close()
    return bool(kept)


def first_looks(bot, projects: int, runs: int) -> None:  # type: ignore[no-untyped-def]  # as Sandbox.bot
    """Reading the refs of projects for the first time, as the daemon does it: several at a time."""
    from bot.engine.watching import ABREAST, LOOKS_A_RUN, Watching

    watching = Watching(
        bot.watcher, wake=lambda: None, look_soon=lambda: None, stopping=lambda: False, work=bot.budget.work
    )
    began = time.perf_counter()
    for _ in range(runs):
        watching.look()
    took, looked = time.perf_counter() - began, min(runs * LOOKS_A_RUN, projects)
    print(f"first looks, {ABREAST} at a time: {looked / took:.0f} projects a second ({looked} looked at)")


def hooks(folder: Path, rate: int, seconds: int) -> bool:
    """Hooks at a rate, each of a tag of its own that no rule releases, so that nothing but taking them is measured."""
    with Sandbox(1) as sandbox:
        config = sandbox.config(folder, port=free_port())
        daemon = subprocess.Popen(
            [sys.executable, "-m", "bot", "serve", "--config", str(config), "--quiet"],
            cwd=folder,
            env={"PATH": os.environ["PATH"], "HOME": str(folder)},
            stderr=subprocess.DEVNULL,
        )
        port = yaml.safe_load(config.read_text())["web"]["port"]
        try:
            _await(f"http://127.0.0.1:{port}/readyz")
            load = asyncio.run(Load(port, rate, seconds).run())
        finally:
            daemon.send_signal(signal.SIGTERM)
            daemon.wait(20)
    store = Store(open_state(folder / "state.db"), str)
    with store.engine.begin() as connection:
        stored = connection.exec_driver_sql("SELECT count(*) FROM deliveries").scalar_one()
    store.close()
    times = sorted(load.times)
    p99 = times[int(0.99 * len(times))] if times else float("inf")
    took = max(load.took, 0.001)
    promised = f" (promise: {1000 * P99[rate]:.0f} ms)" if rate in P99 else ""
    print(
        f"{rate} hooks/s for {seconds} s: sent {load.sent}, acknowledged {len(times)} ({len(times) / took:.0f}/s), "
        f"stored {stored}; median {1000 * statistics.median(times):.0f} ms, p99 {1000 * p99:.0f} ms{promised}"
    )
    return bool(stored == len(times) == load.sent)


@dataclass
class Load:
    """An open-loop load on one port: hooks are due at fixed times, whether the last one was answered or not."""

    port: int
    rate: int
    seconds: int
    sent: int = 0
    took: float = 0.0
    times: list[float] = field(default_factory=list)

    async def run(self) -> Load:
        """Send all and wait for the answers."""
        due: asyncio.Queue[float | None] = asyncio.Queue()
        workers = [asyncio.create_task(self._work(due)) for _ in range(CONNECTIONS)]
        began = time.perf_counter()
        for number in range(self.rate * self.seconds):
            moment = began + number / self.rate
            wait = moment - time.perf_counter()
            if wait > 0:
                await asyncio.sleep(wait)
            due.put_nowait(moment)
        for _ in workers:
            due.put_nowait(None)
        await asyncio.gather(*workers)
        self.took = time.perf_counter() - began
        return self

    async def _work(self, due: asyncio.Queue[float | None]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        while (moment := await due.get()) is not None:
            self.sent += 1
            writer.write(_request(self.sent))
            head = await reader.readuntil(b"\r\n\r\n")
            size = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            await reader.readexactly(size)
            if head.startswith(b"HTTP/1.1 202"):
                self.times.append(time.perf_counter() - moment)
        writer.close()


def _request(number: int) -> bytes:
    project = {"id": 1 + number % 500, "path_with_namespace": f"fleet/p{number % 500}", "web_url": "http://x"}
    body = json.dumps(
        {
            "object_kind": "tag_push",
            "before": ZEROES,
            "after": f"{number:040x}",
            "checkout_sha": f"{number:040x}",
            "ref": f"refs/tags/nightly-{number}",
            "project": project,
        }
    ).encode()
    head = (
        f"POST /hooks/gitlab HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nX-Gitlab-Token: {SECRET}\r\n"
        f"webhook-id: bench-{number}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Sandbox:
    """`ropewalk sandbox` in a process of its own."""

    def __init__(self, projects: int, latency: str = LATENCY) -> None:
        options = ["--projects", str(projects), "--latency", latency, "--format", "json"]
        command = [sys.executable, "-m", "bot", "sandbox", *options]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def __enter__(self) -> Sandbox:
        assert self._process.stdout is not None
        self._told = json.loads(self._process.stdout.readline())
        self._token = next(one["token"] for one in self._told["tokens"] if one["user"] == "ropewalk")
        self._http = httpx.Client(
            base_url=self._told["url"],
            headers={"X-Sandbox-Token": self._told["control_token"]},
            trust_env=False,
            verify=False,
            timeout=60,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()
        self._process.terminate()
        self._process.wait(20)

    def later(self, seconds: int) -> None:
        """Move GitLab's clock."""
        self._seconds = getattr(self, "_seconds", 0) + seconds
        self._put("clock", {"offset_seconds": self._seconds})

    def tag(self, count: int) -> None:
        """Somebody tags so many projects."""
        for number in range(1, count + 1):
            body = {"project": number, "user": "grace", "name": "nightly"}
            self._http.post("/-/sandbox/people/tag", json=body).raise_for_status()

    def config(self, folder: Path, port: int = 0) -> Path:
        """A configuration for it."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in {"token": self._token, "hook": SECRET}.items():
            (folder / name).touch(mode=0o600)
            (folder / name).write_text(text)
        config: Mapping[str, object] = {
            "gitlab": {"url": self._told["url"], "token_file": "token"},
            "watch": {"groups": ["fleet"], "poll": "1h", "hook_secret_file": "hook"},
            "state": "sqlite:///state.db",
            "web": {"host": "127.0.0.1", "port": port or free_port()},
            "indexes": {"registry": {"kind": "gitlab"}},
            "releases": [{"projects": ["fleet/**"], "tags": ["v*"], "source": "artifacts", "indexes": ["registry"]}],
        }
        path = folder / "ropewalk.yaml"
        path.write_text(yaml.safe_dump(config))
        return path

    def bot(self, folder: Path):  # type: ignore[no-untyped-def]  # imported late: it brings the whole bot
        """The bot's parts, in this process."""
        from bot.app import App
        from bot.settings import load

        settings = load(self.config(folder), {}, folder)
        return App(settings, Redactor())

    def _put(self, path: str, body: Mapping[str, object]) -> None:
        self._http.put(f"/-/sandbox/{path}", json=dict(body)).raise_for_status()


def _await(url: str) -> None:
    for _ in range(600):
        try:
            if httpx.get(url, trust_env=False, verify=False, timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise RuntimeError(f"{url} does not answer")


if __name__ == "__main__":
    sys.exit(main())
