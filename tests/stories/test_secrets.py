"""Secrets stay where they are: not in output, logs, state, notes, releases, environments or command lines."""

from __future__ import annotations

import base64
import json
import secrets
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from bot.domain.releases import ReleaseState
from bot.sandbox.world.places import Group
from tests.stories.bot import Bot, Daemon
from tests.stories.oddities import odd_index
from tests.stories.test_serve import SIGNING
from tests.stories.town import Package, Town
from tests.waiting import until

pytestmark = pytest.mark.slow

PLANTED = 40  # secrets; most are values of variables that the bot must never learn
SAMPLE_EVERY = 0.05  # seconds; a child that uploads or reads an index lives ten times as long


def forms(secret: str) -> set[bytes]:
    """The forms in which a secret travels."""
    raw = secret.encode()
    plain = {secret, quote(secret), quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1], raw.hex()}
    found = {form.encode() for form in plain}
    for shift in range(3):
        whole = base64.b64encode(b"\0" * shift + raw).rstrip(b"=")
        found.add(whole[-(-shift * 8 // 6) : (shift + len(raw)) * 8 // 6])
    return found


@dataclass(slots=True)
class Planted:
    """Secrets by what they are, and where they were found."""

    secrets: dict[str, str]
    found: set[tuple[str, str]] = field(default_factory=set)

    def search(self, where: str, data: bytes) -> None:
        """Note every secret that stands in the data, in any form."""
        for name, secret in self.secrets.items():
            if any(form in data for form in forms(secret)):
                self.found.add((name, where))

    @contextmanager
    def sampling(self, daemon: Daemon) -> Iterator[list[int]]:
        """Read environment and command line of the daemon and all its descendants, again and again.

        Gives the process ids that could be read; a process that ends meanwhile, or may not be read, is none of them.
        """
        seen: list[int] = []
        stop = threading.Event()

        def sample() -> None:
            while not stop.wait(SAMPLE_EVERY):
                ours = _read(daemon.process.pid, "cmdline")
                for pid in daemon.family():
                    # A child that has not begun its own program yet is the daemon once more, memory and all.
                    data = {name: _read(pid, name) for name in ("cmdline", "environ")}  # in this order
                    own = " of the daemon" if data["cmdline"] == ours else " of a child"
                    for name, text in data.items():
                        if text is not None:
                            seen.append(pid)
                            self.search(name + own, text)

        thread = threading.Thread(target=sample)
        thread.start()
        try:
            yield seen
        finally:
            stop.set()
            thread.join()


def _read(pid: int, name: str) -> bytes | None:
    """A file of a process; None if that ended, or may not be read."""
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return None


@pytest.fixture
def planted(bot: Bot, town: Town) -> Planted:
    """Every kind of secret there is, with characters that look different in each form."""
    password = 'correct horse/battery+"staple"&~' + secrets.token_urlsafe(8)
    bot.secret("hook.secret", SIGNING)
    bot.config["watch"]["hook_secret_file"] = "hook.secret"
    return Planted(
        {
            "bot token": town.token,
            "index password": town.index.token,
            "other password": password,
            "hook secret": SIGNING,
            "hook key": SIGNING.removeprefix("whsec_"),
            "value": f"value-{secrets.token_hex(12)}",
            **{f"variable {number}": f'V{number} "+/%&{secrets.token_hex(9)}' for number in range(PLANTED - 6)},
        }
    )


def _search_everything(bot: Bot, town: Town, planted: Planted, *packages: Package) -> None:
    """Log, state (but for the files the secrets are configured in), notes and releases."""
    for path in bot.folder.rglob("*"):
        if path.is_file() and path.name not in bot.secrets:
            planted.search(str(path.relative_to(bot.folder)), path.read_bytes())
    for package in packages:
        for iid, notes in package.notes().items():
            for note in notes:
                planted.search(f"note on !{iid}", note.body.encode())
        for release in package.releases():
            planted.search("release", release.description.encode())
        for arguments in (("status", package.target, "--verbose"), ("status", package.target, "--format", "json")):
            done = bot.run("release", *arguments)
            planted.search("status", (done.out + done.err).encode())
    for commands in (("doctor",), ("release", "list", "--verbose"), ("config", "check")):
        done = bot.run(*commands)
        planted.search(" ".join(commands), (done.out + done.err).encode())


def test_the_search_finds_every_form(planted: Planted) -> None:
    """A search that finds nothing proves something only if it would have found it."""
    secret = planted.secrets["other password"]
    every: list[Callable[[str], str]] = [
        str,
        quote,
        quote_plus,
        lambda s: json.dumps({"password": s}),
        lambda s: base64.b64encode(f"robot:{s}".encode()).decode(),
        lambda s: base64.b64encode(f"ab:{s}:c".encode()).decode(),
    ]
    for form in every:
        planted.found.clear()
        planted.search("here", f"before {form(secret)} after".encode())
        assert planted.found == {("other password", "here")}, form(secret)


def test_a_daemon_in_trouble_gives_nothing_away(
    bot: Bot, town: Town, group: Group, planted: Planted, capsys: pytest.CaptureFixture[str]
) -> None:
    """GitLab fails with answers that hold the token, and a second index refuses with the password in its mouth."""
    town.world.set_variable(
        town.world.groups[group.full_path], "TWINE_PASSWORD", planted.secrets["value"], masked=True, protected=True
    )
    for name, value in planted.secrets.items():
        if name.startswith("variable "):
            key = f"DEPLOY_{name.removeprefix('variable ')}"
            town.world.set_variable(town.world.groups[group.full_path], key, value, protected=True)
    good, refused, bare = town.package(group), town.package(group), town.package(group)
    town.world.set_variable(bare.project, "PYPI_TOKEN", planted.secrets["value"])
    # What GitLab may know of what the bot knows; a variable's value the bot never learns, so it is never sent to us.
    echo = {name: planted.secrets[name] for name in ("bot token", "index password", "hook secret")}
    for path in (
        "/repository/tags",
        "/graphql$",
        "/pipelines",
        "/releases",
        "/notes$",
        "/packages/pypi",
        "/artifacts$",
    ):
        body = f"boom {json.dumps(echo)} {base64.b64encode(f'ropewalk:{town.token}'.encode()).decode()}"
        town.fault(kind="status", status=500, path=path, body=body, times=1)
    with odd_index(upload_status=403, upload_body=b"no entry for {password}, that is {basic}") as odd:
        bot.secret("other.password", planted.secrets["other password"])
        bot.config["indexes"]["odd"] = {
            "upload_url": odd.url,
            "simple_url": f"{odd.url}simple/",
            "username": "robot",
            "password_file": "other.password",
        }
        rule = bot.config["releases"][0]
        bot.config["releases"].insert(
            0, rule | {"projects": [refused.project.full_path], "indexes": ["registry", "odd"]}
        )
        daemon = bot.daemon()
        try:
            with planted.sampling(daemon) as seen:
                daemon.ready()
                for package in (good, refused, bare):
                    package.tag()
                ended = bot.ended(*(package.project.full_path for package in (good, refused, bare)))
        finally:
            daemon.stop()
        assert any(line.startswith("POST") for line in odd.asked)
        _search_everything(bot, town, planted, good, refused, bare)
    states = {release.project: release.state for release in ended}
    assert states == {
        good.project.full_path: ReleaseState.PUBLISHED,
        refused.project.full_path: ReleaseState.PARTIAL,
        bare.project.full_path: ReleaseState.BLOCKED,
    }
    assert len(set(seen)) > 1, "children were seen"
    assert "403" in next(release.next or "" for release in ended if release.project == refused.project.full_path)
    assert "500" in bot.log.read_text()
    with capsys.disabled():
        spelled = {form for secret in planted.secrets.values() for form in forms(secret)}
        print(f"\nsecrets: {len(planted.secrets)} planted, {len(spelled)} spellings, {len(planted.found)} found")
    assert planted.found == set()
    assert len(planted.secrets) == PLANTED
    assert all(len(forms(secret)) >= 8 for secret in planted.secrets.values() if '"' in secret)


def test_secrets_from_the_environment_reach_no_child(bot: Bot, town: Town, group: Group, planted: Planted) -> None:
    """A token that came in a variable is in our own environment, where the kernel keeps it, and nowhere else."""
    for name, key in (("gitlab", "token"), ("watch", "hook_secret")):
        del bot.config[name][f"{key}_file"]
        bot.config[name][f"{key}_env"] = f"STORY_{key.upper()}"
    del bot.config["indexes"]["index"]["password_file"]
    bot.config["indexes"]["index"]["password_env"] = "STORY_INDEX"
    bot.environment |= {
        "STORY_TOKEN": town.token,
        "STORY_HOOK_SECRET": SIGNING,
        "STORY_INDEX": town.index.token,
    }
    package = town.package(group)
    daemon = bot.daemon()
    try:
        with planted.sampling(daemon) as seen:
            daemon.ready()
            package.tag()
            (release,) = bot.ended(package.project.full_path)
    finally:
        daemon.stop()
    assert release.state is ReleaseState.PUBLISHED
    assert len(set(seen)) > 1
    _search_everything(bot, town, planted, package)
    assert {where for _, where in planted.found} <= {"environ of the daemon"}


def test_what_the_daemon_keeps_is_for_its_user_alone(bot: Bot, town: Town, group: Group) -> None:
    """Files of the state are made without rights for others, its token is not readable in its memory map by them."""
    package = town.package(group)
    with bot.serving() as daemon:
        package.tag()
        bot.ended(package.project.full_path)
        kept = [path for path in bot.folder.glob("ropewalk.*") if path.name != "ropewalk.yaml"]
        kept += (bot.folder / "ropewalk.files").rglob("*")
        assert kept
        for path in kept:
            assert path.stat().st_mode & 0o077 == 0, path
        limits = Path(f"/proc/{daemon.process.pid}/limits").read_text()
        core = next(line for line in limits.splitlines() if line.startswith("Max core file size"))
        assert core.split()[4:6] == ["0", "0"]
        owner = subprocess.run(
            ["stat", "-c", "%u", f"/proc/{daemon.process.pid}/environ"], capture_output=True, text=True, check=True
        )
        # Not dumpable: the kernel gives what /proc shows of it to root (proc(5)).
        assert owner.stdout.strip() == "0"
    until(lambda: daemon.process.poll() is not None)
