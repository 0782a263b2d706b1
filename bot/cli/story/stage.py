"""The stage: the embedded GitLab and the daemon as processes of their own, in a folder that goes away."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from bot.domain.errors import RefusedError
from bot.domain.policy import Isolation
from bot.domain.secrets import Redactor

START_WITHIN = 120.0  # seconds; 3 are usual, and a busy machine must not spoil the story
CONTROL_PATIENCE = 120.0  # seconds; longer than the control API is ever asked to wait

CONFIG = """\
gitlab:
  url: {gitlab}
  token_file: bot.token
watch:
  groups: [acme]
  poll: 5s
  hook_secret_file: hook.secret
state: sqlite:///ropewalk.db
web: {{host: 127.0.0.1, port: {port}}}
dashboard: {{host: 127.0.0.1, port: {dashboard_port}}}
indexes:
  registry: {{kind: gitlab}}
  index:
    upload_url: {upload}
    simple_url: {simple}
    username: {username}
    password_file: index.password
build: {{wheelhouse: wheelhouse, isolation: {isolation}, time: 5m, memory: 1GiB, disk: 512MiB}}
releases:
  - projects: [acme/guide/pennant]
    branches: [main]
    source: pipeline
    indexes: [index]
  - projects: [acme/guide/halyard]
    branches: [main]
    source: pipeline
    indexes: [registry]
  - projects: [acme/libs/bollard]
    tags: ["v*"]
    source: build
    indexes: [registry, index]
  - projects: ["acme/**"]
    tags: ["v*"]
    source: artifacts
    indexes: [registry, index]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Where everything is. `tokens` are those of the sandbox's people by user name."""

    folder: Path
    gitlab: str
    control_token: str
    admin_token: str
    tokens: dict[str, str]
    index_upload: str
    index_simple: str
    index_username: str
    index_token: str
    port: int
    dashboard_port: int
    hook_secret: str

    @property
    def dashboard(self) -> str:
        """The address of the daemon's pages."""
        return f"http://127.0.0.1:{self.dashboard_port}"

    @property
    def config(self) -> Path:
        """The daemon's configuration."""
        return self.folder / "ropewalk.yaml"

    @property
    def log(self) -> Path:
        """What the daemon logs."""
        return self.folder / "daemon.log"

    def control(self) -> httpx.Client:
        """A client for the sandbox's control API."""
        headers = {"X-Sandbox-Token": self.control_token}
        url = f"{self.gitlab}/-/sandbox"
        return httpx.Client(base_url=url, headers=headers, timeout=CONTROL_PATIENCE, trust_env=False)

    def api(self, user: str) -> httpx.Client:
        """A client for GitLab's API as one of its people."""
        headers = {"PRIVATE-TOKEN": self.tokens[user]}
        return httpx.Client(base_url=f"{self.gitlab}/api/v4", headers=headers, timeout=60, trust_env=False)


@contextmanager
def gitlab_running(folder: Path) -> Iterator[Scene]:
    """Start the embedded GitLab with the organisation `acme`; ends it, and all its jobs, with the block."""
    command = [sys.executable, "-m", "bot", "sandbox", "--world", "acme", "--format", "json"]
    with (folder / "sandbox.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env=clean_environment(folder))
    assert process.stdout is not None, "its output is a pipe"
    try:
        line = process.stdout.readline()
        if not line:
            said = (folder / "sandbox.log").read_text(errors="replace").strip()
            raise RefusedError(what=f"the embedded GitLab did not start: {said}", where="sandbox")
        yield _scene(folder, json.loads(line))
    finally:
        end(process)


class Daemon:
    """`ropewalk serve` as a process that can be killed and started again."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Its process id. Only while it runs."""
        assert self._process is not None, "the daemon was started"
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it is ready. Raises: RefusedError with the end of its log if it is not in time."""
        command = [sys.executable, "-m", "bot", "serve", "--config", str(self._scene.config)]
        with self._scene.log.open("ab") as log:
            environment = clean_environment(self._scene.folder)
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        until = time.monotonic() + START_WITHIN
        url = f"http://127.0.0.1:{self._scene.port}/readyz"
        with httpx.Client(timeout=2, trust_env=False) as client:
            while time.monotonic() < until and self._process.poll() is None:
                with contextlib.suppress(httpx.TransportError):
                    if client.get(url).status_code == 200:
                        return
                time.sleep(0.1)
        said = "\n".join(self._scene.log.read_text(errors="replace").splitlines()[-5:])
        raise RefusedError(what=f"the daemon did not become ready:\n{said}", where=str(self._scene.log))

    def kill(self) -> None:
        """kill -9."""
        assert self._process is not None, "the daemon was started"
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """Ask it to end, then insist."""
        if self._process is not None:
            end(self._process)


def clean_environment(folder: Path) -> dict[str, str]:
    """What the demo's processes and git inherit: a path, a language, a home without files."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    return {
        "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}",
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "TMPDIR": str(folder),
    }


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask a process of ours to end, and end it if it does not."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _scene(folder: Path, state: dict[str, object]) -> Scene:
    from bot.sandbox.wheelhouse import fill

    index, tokens = state["index"], state["tokens"]
    assert isinstance(index, dict)
    assert isinstance(tokens, list)
    scene = Scene(
        folder=folder,
        gitlab=str(state["url"]),
        control_token=str(state["control_token"]),
        admin_token=str(state["admin_token"]),
        tokens={token["user"]: token["token"] for token in tokens},
        index_upload=index["upload_url"],
        index_simple=index["simple_url"],
        index_username=index["username"],
        index_token=index["token"],
        port=_free_port(),
        dashboard_port=_free_port(),
        hook_secret=f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}",
    )
    for name, secret in (
        ("bot.token", scene.tokens["ropewalk"]),
        ("index.password", scene.index_token),
        ("hook.secret", scene.hook_secret),
    ):
        path = folder / name
        path.touch(mode=0o600)
        path.write_text(secret)
    fill(folder / "wheelhouse")
    _configure(scene, Isolation.BUBBLEWRAP)
    return scene


def fenced(scene: Scene) -> str:
    """Let builds run without a fence where none can be made; returns why, empty if it can."""
    from bot.app import App
    from bot.settings import load

    app = App(load(scene.config, {}, scene.folder), Redactor())
    try:
        obstacle = app.builder.obstacle()
    finally:
        app.close()
    if obstacle:
        _configure(scene, Isolation.NONE)
    return obstacle.partition(". ")[0]


def _configure(scene: Scene, isolation: Isolation) -> None:
    scene.config.write_text(
        CONFIG.format(
            gitlab=scene.gitlab,
            port=scene.port,
            dashboard_port=scene.dashboard_port,
            upload=scene.index_upload,
            simple=scene.index_simple,
            username=scene.index_username,
            isolation=isolation.value,
        )
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
