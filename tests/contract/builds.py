"""Trees of commits for the tests of the builder, packed as git-archive packs them, and a machine that builds them."""

from __future__ import annotations

import io
import os
import shutil
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from bot.sandbox.wheelhouse import fill

SHA = "c0ffee" + "0" * 34
MOMENT = 1_700_000_000  # when it was committed
TOP = "widget-v1.1.0-c0ffee"


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link in a tree."""

    target: str


Tree = Mapping[str, str | Link]


def packed(
    tree: Tree, *, sha: str = SHA, top: str = TOP, change: Callable[[tarfile.TarInfo], None] | None = None
) -> bytes:
    """The `.tar.gz` that GitLab would give; `change` may spoil each member."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz", format=tarfile.PAX_FORMAT, pax_headers={"comment": sha}) as archive:
        folders = {
            top,
            *(f"{top}/{parent}" for name in tree for parent in map(str, Path(name).parents) if parent != "."),
        }
        for folder in sorted(folders):
            member = tarfile.TarInfo(folder)
            member.type, member.mode, member.mtime = tarfile.DIRTYPE, 0o775, MOMENT
            archive.addfile(member)
        for name, content in tree.items():
            member = tarfile.TarInfo(f"{top}/{name}")
            member.mode, member.mtime = 0o664, MOMENT
            data = b""
            if isinstance(content, Link):
                member.type, member.linkname = tarfile.SYMTYPE, content.target
            else:
                data = content.encode()
                member.size = len(data)
            if change is not None:
                change(member)
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


@cache
def wheelhouse() -> Path:
    """A wheelhouse of the backends that are installed here; deleted at the end."""
    folder = TemporaryDirectory(prefix="wheelhouse-")
    _KEPT.append(folder)
    fill(Path(folder.name))
    return Path(folder.name)


_KEPT: list[TemporaryDirectory[str]] = []


def need_bubblewrap() -> None:
    """Skip visibly where bubblewrap is not installed; where tests must be whole (`CI=true`) that is a failure."""
    if shutil.which("bwrap") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("bubblewrap is not installed: run .ci/system")
        pytest.skip("bubblewrap is not installed: apt-get install bubblewrap")
