"""Collects the files a job leaves behind into a zip, and lays them out again for later jobs."""

import os
import stat
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bot.sandbox.ci.globs import covers

_EARLIEST = 315619200.0  # 1980-01-02, the first day a zip can hold in every time zone


def collect(
    root: Path, *, paths: Sequence[str], exclude: Sequence[str], archive: Path, say: Callable[[str], None]
) -> int:
    """Write every file below `root` that a pattern names, and no exclusion, into `archive`; returns how many.

    No file (0) writes no archive. Git's own folder and whatever a link leads to outside `root` stay out. `say` gets
    the lines GitLab's runner would write.
    """
    files = list(_files(root))
    wanted: set[str] = set()
    for pattern in paths:
        matching = {name for name in files if covers(_normal(pattern), name)}
        if matching:
            say(f"{pattern}: found {len(matching)} matching artifact files and directories")
        else:
            say(
                f"WARNING: {pattern}: no matching files. Ensure that the artifact path is relative to the working "
                f"directory ({root})"
            )
        wanted |= matching
    for pattern in exclude:
        gone = {name for name in wanted if covers(_normal(pattern), name)}
        if gone:
            say(f"{pattern}: excluded {len(gone)} files")
        wanted -= gone
    names = [name for name in sorted(wanted) if _inside(root, root / name, say)]
    if names:
        archive.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
            for name in names:
                _add(target, root / name, name)
    return len(names)


def _normal(pattern: str) -> str:
    pattern = pattern.removeprefix("./").rstrip("/")
    return pattern if pattern not in ("", ".") else "**"


def _files(root: Path) -> Iterator[str]:
    for folder, below, names in os.walk(root):
        if Path(folder) == root and ".git" in below:
            below.remove(".git")
        links = [name for name in below if os.path.islink(os.path.join(folder, name))]  # noqa: PTH114, PTH118
        for name in (*names, *links):
            path = Path(folder, name)
            if stat.S_ISREG(path.lstat().st_mode) or path.is_symlink():
                yield path.relative_to(root).as_posix()


def _inside(root: Path, path: Path, say: Callable[[str], None]) -> bool:
    if not path.is_symlink() or path.resolve().is_relative_to(root.resolve()):
        return True
    say(f"WARNING: {path.relative_to(root)}: leads out of the working directory and is left out")
    return False


def _add(target: zipfile.ZipFile, path: Path, name: str) -> None:
    facts = path.lstat()
    entry = zipfile.ZipInfo(name, time.localtime(max(facts.st_mtime, _EARLIEST))[:6])
    entry.external_attr = (facts.st_mode & 0xFFFF) << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    if stat.S_ISLNK(facts.st_mode):
        target.writestr(entry, str(path.readlink()))
        return
    with path.open("rb") as source, target.open(entry, "w", force_zip64=facts.st_size > 1 << 30) as sink:
        while chunk := source.read(1 << 20):
            sink.write(chunk)


def unpack(archive: Path, root: Path) -> int:
    """Lay the files of an archive made by `collect` out below `root`, over what is there; returns how many.

    Nothing is written through a link that leads out of `root`; such an entry is left out.
    """
    home, count = root.resolve(), 0
    with zipfile.ZipFile(archive) as source:
        for entry in source.infolist():
            path = home / entry.filename
            if not path.parent.resolve().is_relative_to(home):
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.is_symlink() or path.is_file():
                path.unlink()
            mode = entry.external_attr >> 16
            if stat.S_ISLNK(mode):
                link = source.read(entry).decode()
                if not (path.parent / link).resolve().is_relative_to(home):
                    continue
                path.symlink_to(link)
            else:
                path.write_bytes(source.read(entry))
                path.chmod(stat.S_IMODE(mode) or 0o644)
            count += 1
    return count


def dotenv(text: str) -> dict[str, str]:
    """Variables of a `reports: dotenv` file: `KEY=value` lines, quotes around a whole value dropped.

    Raises:
        ValueError: a line is neither that nor empty nor a comment.
    """
    found: dict[str, str] = {}
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        key, equals, value = line.partition("=")
        key = key.strip().removeprefix("export ").strip()
        if not equals or not key.replace("_", "a").isalnum():
            raise ValueError(f"Invalid Format: {line}")
        value = value.strip()
        found[key] = value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"" else value
    return found
