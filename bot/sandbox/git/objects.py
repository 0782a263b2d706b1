"""The first commit of a project, made without git.

Ten thousand projects must be up in seconds, so a project's first commit is a value until somebody looks: its object ids
are computed here, and the objects are written only when the repository is first read.
Source: Documentation/gitformat-* of git (loose objects).
"""

import hashlib
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """Who made a commit or tag, and when."""

    name: str
    email: str
    when: datetime

    def line(self) -> str:
        """As git writes it: name, address, epoch seconds, UTC."""
        return f"{self.name} <{self.email}> {int(self.when.timestamp())} +0000"


@dataclass(frozen=True, slots=True, kw_only=True)
class GitObject:
    """A git object: its id (40 hex digits) and the bytes that hash to it, header included."""

    oid: str
    content: bytes = field(repr=False)


def make_object(kind: str, body: bytes) -> GitObject:
    """The object of `kind` (blob, tree, commit) with `body`."""
    content = f"{kind} {len(body)}\0".encode() + body
    return GitObject(oid=hashlib.sha1(content, usedforsecurity=False).hexdigest(), content=content)


def _tree(files: Mapping[str, bytes], found: list[GitObject]) -> GitObject:
    entries: dict[str, tuple[str, str]] = {}
    below: dict[str, dict[str, bytes]] = {}
    for path, data in files.items():
        head, slash, rest = path.partition("/")
        if slash:
            below.setdefault(head, {})[rest] = data
        else:
            blob = make_object("blob", data)
            found.append(blob)
            entries[head] = ("100644", blob.oid)
    for name, inner in below.items():
        entries[name] = ("40000", _tree(inner, found).oid)
    # git sorts a directory as if its name ended in a slash
    ordered = sorted(entries.items(), key=lambda item: item[0] + ("/" if item[1][0] == "40000" else ""))
    body = b"".join(f"{mode} {name}\0".encode() + bytes.fromhex(oid) for name, (mode, oid) in ordered)
    tree = make_object("tree", body)
    found.append(tree)
    return tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """The first commit of a repository, and lightweight tags on it."""

    branch: str
    files: Mapping[str, bytes] = field(repr=False)
    author: Signature
    message: str = "Initial commit"
    tags: tuple[str, ...] = ()

    def objects(self) -> list[GitObject]:
        """Every object of the commit; the commit itself is last."""
        found: list[GitObject] = []
        tree = _tree(self.files, found)
        head = f"tree {tree.oid}\nauthor {self.author.line()}\ncommitter {self.author.line()}\n\n{self.message}\n"
        found.append(make_object("commit", head.encode()))
        return found


_CONFIG = """[core]
\trepositoryformatversion = 0
\tbare = true
[gc]
\tauto = 0
[http]
\treceivepack = true
[receive]
\tautogc = false
\tadvertisePushOptions = true
[uploadpack]
\tallowFilter = true
\tallowAnySHA1InWant = true
"""


def _loose(objects: Iterator[GitObject] | list[GitObject], into: Path) -> None:
    for one in objects:
        file = into / one.oid[:2] / one.oid[2:]
        file.parent.mkdir(exist_ok=True)
        if not file.exists():
            file.write_bytes(zlib.compress(one.content, 1))


def write_repository(path: Path, seed: Seed | None, default_branch: str) -> None:
    """Write a bare repository at `path` holding `seed`, or an empty one. The directory must not exist."""
    building = path.with_name(path.name + ".new")
    for folder in ("objects/info", "objects/pack", "refs/heads", "refs/tags"):
        (building / folder).mkdir(parents=True)
    (building / "HEAD").write_text(f"ref: refs/heads/{default_branch}\n")
    (building / "config").write_text(_CONFIG)
    if seed is not None:
        objects = seed.objects()
        _loose(objects, building / "objects")
        commit = objects[-1].oid
        names = [f"refs/heads/{seed.branch}", *(f"refs/tags/{tag}" for tag in seed.tags)]
        lines = "".join(f"{commit} {name}\n" for name in sorted(names))
        (building / "packed-refs").write_text("# pack-refs with: peeled fully-peeled sorted \n" + lines)
    building.rename(path)
