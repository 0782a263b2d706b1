"""The archive of a commit: what is built is what was released, and nothing in it leads out of it."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.builder.supervise import unpack
from bot.adapters.builder.tree import check_links, read_tree
from bot.adapters.index.names import ArchiveError
from tests.contract.builds import MOMENT, SHA, Link, Tree, packed

MIB = 1024 * 1024
HONEST: Tree = {
    "pyproject.toml": "[project]\n",
    "docs/index.md": "# Hello\n",
    "README.md": Link("docs/index.md"),
    "src/widget/data/README.md": Link("../../../README.md"),
    "current": Link("src"),
    "src/self": Link("."),
    "gone": Link("never/was"),
}


def _read(folder: Path, data: bytes, *, sha: str = SHA, most: int = 64 * MIB) -> tuple[int, io.BytesIO]:
    archive = folder / "tree.tar.gz"
    archive.write_bytes(data)
    plain = io.BytesIO()
    return read_tree(archive, plain, sha=sha, most=most), plain


def test_an_honest_tree_is_laid_out_as_it_was_committed(tmp_path: Path) -> None:
    """Time of the commit, contents, and links that stay within; the archive's top folder goes."""
    moment, plain = _read(tmp_path, packed(HONEST))
    assert moment == MOMENT
    plain.seek(0)
    unpack(plain, tmp_path / "src")
    assert (tmp_path / "src/README.md").read_text() == "# Hello\n"
    assert (tmp_path / "src/current/widget/data/README.md").read_text() == "# Hello\n"
    assert (tmp_path / "src/gone").readlink() == Path("never/was")
    assert (tmp_path / "src/pyproject.toml").stat().st_mtime == MOMENT
    assert not (tmp_path / "src/pyproject.toml").stat().st_mode & 0o111


LEADS_OUT: dict[str, Tree] = {
    "absolute": {"LICENSE": Link("/etc/passwd")},
    "up": {"README.md": Link("../secret")},
    "up and back": {"README.md": Link("../widget-v1.1.0-c0ffee/pyproject.toml")},
    "from below": {"src/data.txt": Link("../../../etc/passwd")},
    "over another link": {"a/b/c.txt": "x", "deep": Link("a/b"), "README.md": Link("deep/../../../etc/passwd")},
    "a link to the folder above": {"a/up": Link(".."), "README.md": Link("a/up/../etc/passwd")},
    "in a circle": {"a": Link("b"), "b": Link("a")},
    "to itself": {"a": Link("a")},
    "below itself": {"a": Link("a/b")},
}


@pytest.mark.parametrize("tree", LEADS_OUT.values(), ids=LEADS_OUT)
def test_a_link_that_leads_out_is_refused_before_anything_is_built(tmp_path: Path, tree: Tree) -> None:
    with pytest.raises(ArchiveError, match="leads out of the tree"):
        _read(tmp_path, packed({"pyproject.toml": "", **tree}))


def _as(kind: bytes) -> Callable[[tarfile.TarInfo], None]:
    def change(member: tarfile.TarInfo) -> None:
        if member.name.endswith("data"):
            member.type, member.size, member.linkname = kind, 0, "pyproject.toml"

    return change


REFUSED: dict[str, tuple[bytes, str]] = {
    "another commit": (packed(HONEST, sha="d" * 40), "is not of the released commit: it names 'dddd"),
    "no commit": (packed(HONEST, sha=""), "is not of the released commit"),
    "a name that climbs": (packed({"../up": "x"}), "leads out of its place"),
    "hard link": (packed({"pyproject.toml": "", "data": ""}, change=_as(tarfile.LNKTYPE)), "no file"),
    "device": (packed({"data": ""}, change=_as(tarfile.CHRTYPE)), "no file"),
    "pipe": (packed({"data": ""}, change=_as(tarfile.FIFOTYPE)), "no file"),
    "something below a link": (packed({"a": Link("b"), "a/x": "x"}), "twice"),
    "nothing at all": (b"", "gzip"),
    "cut short": (packed(HONEST)[:-40], "cut short"),
    "too large": (packed({"big": "x" * (2 * MIB)}), "build.disk allows 1 MiB"),
}


@pytest.mark.parametrize(("data", "words"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_honest_archive_of_the_commit_is_refused(tmp_path: Path, data: bytes, words: str) -> None:
    with pytest.raises(ArchiveError, match=words):
        _read(tmp_path, data, most=MIB)


_PARTS = st.sampled_from(["a", "b", "c", "..", "."])
_PATHS = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=3).map("/".join)
_TARGETS = st.lists(_PARTS, min_size=1, max_size=6).map("/".join)


@given(st.dictionaries(_PATHS, _TARGETS, max_size=5))
def test_what_is_accepted_never_resolves_outside(
    tmp_path_factory: pytest.TempPathFactory, links: dict[str, str]
) -> None:
    """The kernel itself, on a real file system, agrees with us about every tree of links that we accept."""
    paths = sorted(links, key=len)
    if any(other.startswith(f"{path}/") for path in paths for other in paths):
        return  # no tree: something lies below a link
    try:
        check_links(links)
    except ArchiveError:
        return
    root = tmp_path_factory.mktemp("links") / "tree"
    for path, target in links.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).symlink_to(target)
    for path in links:
        assert os.path.realpath(root / path).startswith(str(root)), (path, links)
