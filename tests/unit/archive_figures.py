"""Reads three hundred hostile and two hundred honest archives, and prints as JSON how that went.

A process of its own, so that its memory is what reading them took. The hostile ones are the table of test_archives, and
variations drawn by a fixed seed: evil names at any depth, kinds of members, lies, and bytes where none belong.
"""

from __future__ import annotations

import gzip
import io
import json
import random
import tarfile
import time
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from bot.adapters.index.inspection import inspect
from bot.adapters.index.names import ArchiveError
from bot.domain.distributions import parse_filename
from tests.unit.archives_made import METADATA, Entry, sdist_of, tar_member, wheel_of
from tests.unit.test_archives import HOSTILE_SDISTS, HOSTILE_WHEELS, SDIST, WHEEL

HOSTILE, HONEST = 300, 200
INFO = "widget-1.0.dist-info"
Made = tuple[str, Callable[[], bytes]]

EVIL_NAMES = (
    *("../evil.py", "../../../../etc/cron.d/evil", "widget/../../evil", "widget/./a.py", "widget/..", "./a", "."),
    *("/etc/passwd", "//server/share", "C:/evil.exe", "c:evil", "\\\\server\\share", "widget\\..\\..\\evil", "..\\e"),
    *("widget/a\x00.py", "widget/\x1b]0;x\x07", "widget/a\nb", "widget/\rb", "widget/\x7f", "widget/\x85", "\x01"),
    *("widget//a", "widget/a//", "", " /../x", "a/b/../../../c"),
)
KINDS = (0o120777, 0o020666, 0o060666, 0o010666, 0o140777)
TAR_KINDS = (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.CONTTYPE)


def hostile() -> list[Made]:
    """At least 300, none twice."""
    made: list[Made] = [(WHEEL, make) for _, make, _ in HOSTILE_WHEELS]
    made += [(SDIST, make) for _, make, _ in HOSTILE_SDISTS]
    return made + list(_drawn(random.Random(300)))


def _drawn(draw: random.Random) -> Iterator[Made]:
    for name in EVIL_NAMES:
        for deflate in (False, True):
            entry = Entry(name=name, data=draw.randbytes(draw.randrange(99)), deflate=deflate)
            yield WHEEL, partial(wheel_of, *_company(draw), entry)
        if "\0" not in name and name.strip("/"):
            inside = name if name.startswith(("/", "\\", "C:", "c:")) else f"widget-1.0/{name}"
            yield SDIST, partial(sdist_of, tar_member(inside, draw.randbytes(draw.randrange(99))))
    for kind in KINDS:
        for depth in range(3):
            entry = Entry(name="d/" * depth + "a", data=b"/etc/passwd", attributes=kind << 16)
            yield WHEEL, partial(wheel_of, *_company(draw), entry)
    for tar_kind in TAR_KINDS:
        for depth in range(3):
            member = tar_member("widget-1.0/" + "d/" * depth + "a", type=tar_kind, linkname=draw.choice(["..", "/x"]))
            yield SDIST, partial(sdist_of, member)
    for _ in range(30):
        data = draw.randbytes(draw.randrange(20, 900))
        lie = draw.choice(["size", "crc", "local_size"])
        told = {
            "size": Entry(name="w/a", data=data, size=draw.randrange(19)),
            "crc": Entry(name="w/a", data=data, crc=draw.randrange(1 << 32)),
            "local_size": Entry(name="w/a", data=data, local_size=len(data) + 7),
        }
        yield WHEEL, partial(wheel_of, *_company(draw), told[lie])
    for _ in range(15):
        junk = draw.randbytes(draw.randrange(1, 700))
        yield WHEEL, partial(wheel_of, *_company(draw), suffix=junk + b"\1")
        yield WHEEL, partial(wheel_of, *_company(draw), prefix=junk)
        yield WHEEL, partial(wheel_of, Entry(name="w/a", before=junk + b"x" * 25))
        yield SDIST, partial(_appended, junk)
        yield SDIST, partial(sdist_of, end=b"\0" * 1024 + (junk + b"\1").ljust(1024, b"\0"))


def _appended(junk: bytes) -> bytes:
    return sdist_of() + junk


def _company(draw: random.Random) -> list[Entry]:
    """Honest members beside the evil one."""
    return [Entry(name=f"widget/m{n}.py", data=draw.randbytes(n), deflate=n % 2 == 0) for n in range(draw.randrange(4))]


def honest() -> Iterator[Made]:
    """As the standard library writes them, with whatever a build may put into them."""
    draw = random.Random(200)
    for number in range(HONEST // 2):
        yield WHEEL, partial(_honest_wheel, draw.randrange(1 << 30), number)
        yield SDIST, partial(_honest_sdist, draw.randrange(1 << 30), number)


def _honest_files(draw: random.Random) -> dict[str, bytes]:
    names = ["__init__", "core", "_übung", "data.bin", "a" * 120, "x.y.z", "schema.json", "py.typed", "LICENSE"]
    parts = [draw.choice(["widget", "widget/sub", "widget/sub/deep", "gadget", "tests"]) for _ in range(9)]
    chosen = draw.sample(list(zip(parts, names, strict=True)), draw.randrange(1, 9))
    return {f"{folder}/{name}": draw.randbytes(draw.choice([0, 1, 600, 70_000])) for folder, name in chosen}


def _honest_wheel(seed: int, number: int) -> bytes:
    draw, out = random.Random(seed), io.BytesIO()
    how = draw.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
    with zipfile.ZipFile(out, "w", how) as archive:
        files = _honest_files(draw)
        if draw.random() < 0.3:
            for folder in sorted({name.rpartition("/")[0] for name in files}):
                archive.mkdir(folder)
        for name, data in files.items():
            with archive.open(name, "w", force_zip64=number % 5 == 0) as member:
                member.write(data)
        for name, data in ((f"{INFO}/METADATA", METADATA), (f"{INFO}/WHEEL", b"Wheel-Version: 1.0\n")):
            archive.writestr(name, data)
        archive.writestr(f"{INFO}/RECORD", "")
        archive.comment = b"made by a tool" if draw.random() < 0.2 else b""
    return out.getvalue()


def _honest_sdist(seed: int, number: int) -> bytes:
    draw, out = random.Random(seed), io.BytesIO()
    how = draw.choice([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
    with tarfile.open(fileobj=out, mode="w", format=how) as archive:
        files = {"PKG-INFO": METADATA, "setup.py": b"", **_honest_files(draw)}
        for name, data in files.items():
            info = tarfile.TarInfo(f"widget-1.0/{name}")
            info.size, info.mtime = len(data), draw.choice([0, 1_700_000_000, 1_700_000_000.5])
            info.mode, info.uname = draw.choice([0o644, 0o755, 0o600]), draw.choice(["", "builder"])
            archive.addfile(info, io.BytesIO(data))
    return gzip.compress(out.getvalue(), draw.choice([1, 6, 9]), mtime=number)


def _peak_mib() -> int:
    """The most memory this program has held, MiB: ru_maxrss would count what its parent held before the exec."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM:")).split()[1]) // 1024


def main() -> None:
    """Read them all and print the figures."""
    evil, good = hostile(), list(honest())
    accepted, refused, slowest = [], [], 0.0
    for number, (filename, make) in enumerate([*evil, *good]):
        data = make()
        said = parse_filename(filename)
        assert said is not None, "the names of the tables are those of distributions"
        began = time.perf_counter()
        try:
            inspect(io.BytesIO(data), io.BytesIO(), said)
            accepted.append(number)
        except ArchiveError:
            refused.append(number)
        slowest = max(slowest, time.perf_counter() - began)
    figures = {
        "hostile": len(evil),
        "honest": len(good),
        "hostile accepted": [number for number in accepted if number < len(evil)],
        "honest refused": [number - len(evil) for number in refused if number >= len(evil)],
        "slowest seconds": round(slowest, 3),
        "peak MiB": _peak_mib(),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
