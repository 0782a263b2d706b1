"""The bot as its users meet it: a command with a configuration file, and a daemon that can be stopped and killed."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
import yaml

from bot.adapters.store.open import open_state
from bot.adapters.store.store import Store
from bot.domain.releases import Release
from tests.contract.states import shared_store
from tests.postgres import Role
from tests.stories.town import Town
from tests.waiting import WAIT, until

Json = dict[str, Any]
T = TypeVar("T")
# Between polls, which lie on a grid of times of day: an hour of it may end in the midst of a test.
NEVER = "3650d"


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A finished command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Json:
        """The last line of stdout as JSON."""
        parsed = json.loads(self.out.splitlines()[-1])
        assert isinstance(parsed, dict)
        return parsed

    @property
    def complaint(self) -> str:
        """The one sentence about what went wrong. Raises: AssertionError if there is not exactly one."""
        said = [line.removeprefix("ropewalk: ") for line in self.err.splitlines() if line.startswith("ropewalk: ")]
        assert len(said) == 1, self.err
        return said[0]


@dataclass(slots=True, kw_only=True, repr=False)
class Bot:
    """The bot's folder: configuration, secrets in files, state. `config` is written anew before every command.

    With a `role` the state is that role's database, which others may share.
    """

    folder: Path
    town: Town
    config: Json
    port: int
    secrets: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    role: Role | None = None

    def share(self, role: Role) -> Bot:
        """Keep the state in that role's database. Returns the bot itself."""
        self.role = role
        self.config["state"] = role.url
        self.config["state_password_file"] = "state.password"
        self.config["gitlab"]["marker_key_file"] = "marker.key"
        self.secret("state.password", role.password)
        self.secret("marker.key", "one key for all replicas of a state")
        return self

    @property
    def log(self) -> Path:
        """What daemons said, all starts in one file."""
        return self.folder / "daemon.log"

    @property
    def state(self) -> Path:
        """The database."""
        return self.folder / "ropewalk.db"

    def secret(self, name: str, value: str) -> None:
        """Put a secret where the configuration finds it."""
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_text(value)
        self.secrets[name] = value

    def write(self) -> Path:
        """Write the configuration."""
        path = self.folder / "ropewalk.yaml"
        # Through JSON, so that a list used twice is written twice: the bot allows no YAML anchors.
        path.write_text(yaml.safe_dump(json.loads(json.dumps(self.config)), sort_keys=False))
        return path

    def run(self, *arguments: str, config: Path | None = None, environ: Mapping[str, str] | None = None) -> Done:
        """Run a command to its end."""
        done = subprocess.run(
            [sys.executable, "-m", "bot", *arguments, "--config", str(config or self.write())],
            env=self._environment() | dict(environ or {}),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=2 * WAIT,
            check=False,
        )
        return Done(code=done.returncode, out=done.stdout, err=done.stderr)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command; what it says is on its stderr, its result goes nowhere."""
        return subprocess.Popen(
            [sys.executable, "-m", "bot", *arguments, "--config", str(self.write())],
            env=self._environment(),
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def release(self, verb: str, target: str, *arguments: str) -> Done:
        """`release VERB PROJECT@REF --format json`."""
        return self.run("release", verb, target, "--format", "json", *arguments)

    def daemon(self) -> Daemon:
        """Start `serve`, ready or not."""
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "bot", "serve", "--config", str(self.write())],
                env=self._environment(),
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )
        return Daemon(bot=self, process=process)

    @contextmanager
    def serving(self) -> Iterator[Daemon]:
        """A daemon that is ready, for the length of the block."""
        daemon = self.daemon()
        try:
            daemon.ready()
            yield daemon
        finally:
            daemon.stop()

    @contextmanager
    def store(self) -> Iterator[Store]:
        """The database, open for the length of the block: opening costs twenty times as much as reading."""
        store = Store(open_state(self.state), str) if self.role is None else shared_store(self.role)
        try:
            yield store
        finally:
            store.close()

    def records(self) -> list[Release]:
        """All releases on record, read from the database."""
        with self.store() as store:
            return list(store.releases.releases())

    def recorded(self, what: Callable[[list[Release]], T], seconds: float = WAIT) -> T:
        """Wait until the releases on record are as `what` wants them; its first true answer."""
        with self.store() as store:
            return until(lambda: what(list(store.releases.releases())), seconds)

    def settled(self) -> None:
        """Wait until the daemon has looked at all that was there when it came: news then reaches it by hooks only."""

        with self.store() as store:
            until(lambda: store.intake.cursor("enrolled") is not None and store.enrolment.counts()[1] == 0)

    def ended(self, *projects: str) -> list[Release]:
        """Wait until the release of each project (all on record, at least one, if none is named) is at its end."""

        def over(records: list[Release]) -> list[Release]:
            rows = [one for one in records if not projects or one.project in projects]
            resting = all(not one.state.open and one.due_at is None for one in rows)
            return rows if resting and len({one.project for one in rows}) >= (len(projects) or 1) else []

        return self.recorded(over, 2 * WAIT)

    def _environment(self) -> dict[str, str]:
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        path = f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}"
        return {"PATH": path, "HOME": str(home), "LANG": "C.UTF-8", "TMPDIR": str(home), **self.environment}


@dataclass(slots=True, kw_only=True)
class Daemon:
    """A `serve` process."""

    bot: Bot
    process: subprocess.Popen[bytes]

    def get(self, path: str) -> httpx.Response:
        """GET from its own web server. Raises: httpx.TransportError while it does not listen."""
        return httpx.get(f"http://127.0.0.1:{self.bot.port}{path}", timeout=5, trust_env=False, verify=False)

    def health(self) -> dict[str, str]:
        """What /readyz says of each thing that work depends on."""
        return {name: one["verdict"] for name, one in self.get("/readyz").json()["checks"].items()}

    def ready(self, seconds: float = WAIT) -> None:
        """Wait for /readyz. Raises: AssertionError with the end of the log if it ends instead."""

        def answers() -> bool:
            assert self.process.poll() is None, self.bot.log.read_text(errors="replace")[-2000:]
            with suppress(httpx.TransportError):
                return self.get("/readyz").status_code == 200
            return False

        until(answers, seconds)

    def family(self) -> list[int]:
        """Its process id and those of all its descendants."""
        found, new = [self.process.pid], [self.process.pid]
        while new:
            new = [child for parent in new for child in children_of(parent)]
            found += new
        return found

    def kill(self) -> list[int]:
        """kill -9; returns the processes that were its descendants."""
        below = self.family()[1:]
        self.process.kill()
        self.process.wait()
        return below

    def stop(self) -> int:
        """SIGTERM, and insist after a while; returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self.process.wait()


def children_of(pid: int) -> list[int]:
    """The process's children, over all its threads; none once it is gone."""
    found: list[int] = []
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with suppress(OSError):
                found += map(int, (task / "children").read_text().split())
    return found


def alive(pid: int) -> bool:
    """Whether a process exists and is more than a zombie."""
    with suppress(OSError):
        return (Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]) != "Z"
    return False


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def make_bot(folder: Path, town: Town, group: str, **watch: object) -> Bot:
    """A bot that watches one group and publishes to GitLab's registry, then to the index."""
    port = free_port()
    config: Json = {
        "gitlab": {"url": town.gitlab.url, "token_file": "bot.token"},
        "watch": {"groups": [group], "poll": "2s", **watch},
        "state": "sqlite:///ropewalk.db",
        "web": {"host": "127.0.0.1", "port": port},
        "indexes": {
            "registry": {"kind": "gitlab"},
            "index": {
                "upload_url": town.index.upload_url,
                "simple_url": town.index.simple_url,
                "username": town.index.username,
                "password_file": "index.password",
            },
        },
        "releases": [
            {"projects": [f"{group}/**"], "tags": ["v*"], "source": "artifacts", "indexes": ["registry", "index"]}
        ],
    }
    folder.mkdir(parents=True, exist_ok=True)
    bot = Bot(folder=folder, town=town, config=config, port=port)
    bot.secret("bot.token", town.token)
    bot.secret("index.password", town.index.token)
    return bot
