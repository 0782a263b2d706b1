"""Nothing that a project's build does reaches anything of ours: no secret, no connection, no process that stays."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import tarfile
import threading
import time
import unicodedata
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import pytest

from tests.bounds import IN_FULL
from tests.contract.builds import SHA, Tree, need_bubblewrap, packed, wheelhouse
from tests.contract.hostile_builds import ATTACKS, BACKEND, PYPROJECT, Attack

pytestmark = pytest.mark.slow

SECRET = f"planted-{secrets.token_hex(16)}"
MARK = f"stays-{secrets.token_hex(8)}"


@dataclass(slots=True)
class Outside:
    """What an attack could reach: listeners that count who comes, files with a secret, a daemon that has it too."""

    folder: Path
    daemon: subprocess.Popen[str]
    port: int
    files: list[Path]
    visits: list[str] = field(default_factory=list)

    def build(self, attack: Attack, tree: Tree) -> dict[str, object]:
        """Have the daemon build a tree."""
        archive = self.folder / "tree.tar.gz"
        archive.write_bytes(packed(tree))
        order = {
            "archive": str(archive),
            "sha": SHA,
            "wheelhouse": str(wheelhouse()),
            "isolation": "bubblewrap",
            "time": attack.seconds,
            "memory": attack.memory,
            "disk": attack.disk,
        }
        assert self.daemon.stdin is not None and self.daemon.stdout is not None
        self.daemon.stdin.write(json.dumps(order) + "\n")
        self.daemon.stdin.flush()
        answer: dict[str, object] = json.loads(self.daemon.stdout.readline())
        return answer

    def target(self) -> str:
        """What the attacks aim at, as a module of theirs; of the secret they know how it begins."""
        aims = {
            "SECRETS": [str(path) for path in self.files],
            "PORT": self.port,
            "SOCKET": str(self.folder / "socket"),
            "ABSTRACT": f"planted-{self.port}",
            "ADDRESSES": _addresses(),
            "MARK": MARK,
        }
        return "".join(f"{name} = {value!r}\n" for name, value in aims.items())


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    """The outside, and in its environment, command line and files the secret."""
    need_bubblewrap()
    folder = tmp_path_factory.mktemp("outside")
    files = [
        folder / name
        for name in ("home/.ssh/id_ed25519", "home/.pypirc", "home/.netrc", "ropewalk.yaml", "bot.token", "ropewalk.db")
    ]
    for path in files:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(SECRET)
    daemon = subprocess.Popen(
        [sys.executable, "-m", "tests.contract.build_daemon", str(folder / "builds"), SECRET],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "HOME": str(folder / "home"), "ROPEWALK_GITLAB_TOKEN": SECRET},
        cwd=Path(__file__).parents[2],
    )
    place = Outside(folder=folder, daemon=daemon, port=0, files=files)
    with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
        tcp.bind(("0.0.0.0", 0))
        place.port = tcp.getsockname()[1]
        udp.bind(("0.0.0.0", place.port))
        with socket.socket(socket.AF_UNIX) as named, socket.socket(socket.AF_UNIX) as abstract:
            named.bind(str(folder / "socket"))
            abstract.bind(f"\0planted-{place.port}")
            for one in (tcp, named, abstract):
                one.listen()
                threading.Thread(target=_count, args=(one, place.visits), daemon=True).start()
            threading.Thread(target=_hear, args=(udp, place.visits), daemon=True).start()
            yield place
            assert daemon.stdin is not None
            daemon.stdin.close()
            assert daemon.wait(20) == 0
    assert place.visits == [], "nobody came"


# Two of three, which are more than thirty; `make chaos` mounts them all.
ROWS = [
    pytest.param(attack, id=attack.name, marks=IN_FULL if number % 3 == 2 else ())
    for number, attack in enumerate(ATTACKS)
]


@pytest.mark.parametrize("attack", ROWS)
def test_an_attack_gets_nothing_and_leaves_nothing(outside: Outside, attack: Attack) -> None:
    """The build ends as it must, within its limits; what it carried out holds no secret; nothing of it runs on."""
    body = "".join(f"    {line}\n" for line in attack.code.splitlines())
    tree = {"pyproject.toml": PYPROJECT, "evil.py": BACKEND.format(attack=body), "target.py": outside.target()}
    before = time.monotonic()

    built = outside.build(attack, tree)

    assert time.monotonic() - before < attack.seconds + 15
    problems = "\n".join(map(str, built["problems"] if isinstance(built["problems"], list) else []))
    carried = _carried(built["files"])
    for sign in (
        SECRET,
        SECRET.removeprefix("planted-"),
        "root:x:",
        "connected",
        "unbounded",
        "exchanged",
        "wrote in",
        "became root",
    ):
        assert sign not in problems and sign.encode() not in carried, (sign, problems)
    assert [c for c in problems if unicodedata.category(c) in ("Cc", "Cf", "Cs")] in ([], ["\n"])
    assert len(problems) < 12 * 310 + 500
    if attack.ends:
        assert attack.ends in problems and built["files"] is None
    else:
        assert problems == "", problems
        assert attack.loots.encode() in carried
    assert outside.visits == []
    assert _running(MARK) == []
    assert _strays(outside.daemon.pid) == []
    assert not list(outside.folder.rglob("planted-by-build"))
    assert list((outside.folder / "builds").iterdir()) == []


def _carried(files: object) -> bytes:
    """All that came out, unpacked to the last member; the archive itself is deleted."""
    if files is None:
        return b""
    found = []
    path = Path(str(files))
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            data = archive.read(name)
            found += [name.encode(), data]
            if name.endswith(".whl"):
                with zipfile.ZipFile(BytesIO(data)) as wheel:
                    found += [wheel.read(member) for member in wheel.namelist()]
            elif name.endswith(".tar.gz"):
                with tarfile.open(fileobj=BytesIO(data)) as sdist:
                    # The backend's own text comes along: it holds the words that attacks would say.
                    own = [info for info in sdist if not info.name.endswith("evil.py")]
                    found += [member.read() for info in own if (member := sdist.extractfile(info)) is not None]
    path.unlink()
    return b"\n".join(found)


def _running(mark: str) -> list[str]:
    """Command lines of processes that carry the mark."""
    found = []
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            try:
                line = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if mark in line and "pytest" not in line:
                found.append(line)
    return found


def _strays(daemon: int) -> list[str]:
    """The daemon's descendants: it has none between builds."""
    return [
        (task / "children").read_text()
        for task in Path(f"/proc/{daemon}/task").iterdir()
        if (task / "children").read_text()
    ]


def _addresses() -> list[str]:
    """Addresses of this machine besides loopback's."""
    try:
        found = socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)
    except OSError:
        return []
    return sorted({str(one[4][0]) for one in found} - {"127.0.0.1"})


def _count(listener: socket.socket, visits: list[str]) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        visits.append("a connection")
        connection.close()


def _hear(udp: socket.socket, visits: list[str]) -> None:
    while True:
        try:
            data, _ = udp.recvfrom(100)
        except OSError:
            return
        visits.append(f"a datagram: {data!r}")
