"""A project's bare repository: what the API reads from it. Writing is in `changes`."""

import re
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from bot.sandbox.git.objects import Seed, Signature, make_object, write_repository
from bot.sandbox.git.run import GitError, git

_COMMIT_FORMAT = "%H%x00%P%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%B%x00"
_COMMIT_FIELDS = 9
_REF_FORMAT = "%(refname)%00%(objectname)%00%(objecttype)%00%(*objectname)%00%(creatordate:iso-strict)%00%(contents)%00"
_REF_FIELDS = 6
_SHA = re.compile(r"[0-9a-f]{7,40}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """A commit as the API shows it. Times carry their own offset."""

    id: str
    parents: tuple[str, ...]
    author_name: str
    author_email: str
    authored: datetime
    committer_name: str
    committer_email: str
    committed: datetime
    message: str

    @property
    def title(self) -> str:
        """First line of the message."""
        return self.message.split("\n", 1)[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ref:
    """A branch or tag. `target` is the object named; `commit` what it peels to; `message` only of annotated tags."""

    full_name: str
    name: str
    target: str
    commit: str
    annotated: bool
    created: datetime
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDiff:
    """One changed file between two trees."""

    old_path: str
    new_path: str
    a_mode: str
    b_mode: str
    diff: str
    new_file: bool
    renamed_file: bool
    deleted_file: bool


def _commits(output: bytes) -> list[Commit]:
    fields = output.decode(errors="replace").split("\0")
    found = []
    for start in range(0, len(fields) - _COMMIT_FIELDS, _COMMIT_FIELDS):
        oid, parents, an, ae, at, cn, ce, ct, message = fields[start : start + _COMMIT_FIELDS]
        found.append(
            Commit(
                id=oid.strip(),
                parents=tuple(parents.split()),
                author_name=an,
                author_email=ae,
                authored=datetime.fromisoformat(at),
                committer_name=cn,
                committer_email=ce,
                committed=datetime.fromisoformat(ct),
                message=message,
            )
        )
    return found


def _seeded(seed: Seed) -> tuple[dict[str, Ref], Commit]:
    """The refs and the one commit that `write_repository` would write, as reading them back would show them."""

    def when(signature: Signature) -> datetime:
        return signature.when.astimezone(UTC).replace(microsecond=0)

    author = seed.author
    commit = Commit(
        id=seed.objects()[-1].oid,
        parents=(),
        author_name=author.name,
        author_email=author.email,
        authored=when(author),
        committer_name=author.name,
        committer_email=author.email,
        committed=when(author),
        message=f"{seed.message}\n",
    )
    names = [f"refs/heads/{seed.branch}", *(f"refs/tags/{tag}" for tag in seed.tags)]
    refs = {
        full: Ref(
            full_name=full,
            name=full.split("/", 2)[2],
            target=commit.id,
            commit=commit.id,
            annotated=False,
            created=commit.committed,
            message="",
        )
        for full in sorted(names)
    }
    return refs, commit


@dataclass(slots=True, kw_only=True, eq=False)
class Repository:
    """A bare repository at `path`, written on first use. Reads of refs are kept until `forget()`.

    Refs, commits and files of a repository that is not written yet are read from its seed, so that looking through
    thousands of projects writes none of them.

    Everything that changes refs goes through this process, so it knows when to forget.
    """

    path: Path
    default_branch: str
    seed: Seed | None = None
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)
    _on_disk: bool = False
    _refs: dict[str, Ref] | None = None
    _generation: int = 0
    _known: dict[str, Commit] = field(default_factory=dict)

    def materialise(self) -> Path:
        """Write the repository unless it is there; return its path."""
        if not self._on_disk:
            with self.lock:
                if not self._on_disk:
                    if not self.path.exists():
                        self.path.parent.mkdir(parents=True, exist_ok=True)
                        write_repository(self.path, self.seed, self.default_branch)
                    self._on_disk = True
                    self.seed = None
        return self.path

    def run(self, *arguments: str, stdin: bytes = b"", accept: tuple[int, ...] = (0,)) -> bytes:
        """Run git here. Raises: GitError."""
        return git(self.materialise(), *arguments, stdin=stdin, accept=accept)

    def forget(self) -> None:
        """Refs have changed. A reading that began before this is not kept."""
        self._generation += 1
        self._refs = None

    def refs(self) -> dict[str, Ref]:
        """All branches and tags by full name."""
        known = self._refs
        if known is not None:
            return known
        with self.lock:
            if not self._on_disk and self.seed is not None:
                self._refs, commit = _seeded(self.seed)
                self._known[commit.id] = commit
                return self._refs
            began = self._generation
            fields = self.run("for-each-ref", f"--format={_REF_FORMAT}", "refs/heads", "refs/tags").decode(
                errors="replace"
            )
            found = {}
            parts = fields.split("\0")
            for start in range(0, len(parts) - _REF_FIELDS, _REF_FIELDS):
                full, target, kind, peeled, created, message = parts[start : start + _REF_FIELDS]
                full = full.strip("\n")
                annotated = kind == "tag"
                found[full] = Ref(
                    full_name=full,
                    name=full.split("/", 2)[2],
                    target=target,
                    commit=peeled if annotated else target,
                    annotated=annotated,
                    created=datetime.fromisoformat(created),
                    message=message.rstrip("\n") if annotated else "",
                )
            if began == self._generation:
                self._refs = found
            return found

    def empty(self) -> bool:
        """Whether there is no commit yet; does not write the repository for the answer."""
        if not self._on_disk:
            return self.seed is None
        return not any(name.startswith("refs/heads/") for name in self.refs())

    def branches(self) -> list[Ref]:
        """Branches by name."""
        return [ref for name, ref in sorted(self.refs().items()) if name.startswith("refs/heads/")]

    def tags(self) -> list[Ref]:
        """Tags by name."""
        return [ref for name, ref in sorted(self.refs().items()) if name.startswith("refs/tags/")]

    def branch(self, name: str) -> Ref | None:
        """The branch called `name`."""
        return self.refs().get(f"refs/heads/{name}")

    def tag(self, name: str) -> Ref | None:
        """The tag called `name`."""
        return self.refs().get(f"refs/tags/{name}")

    def resolve(self, revision: str) -> str | None:
        """The commit (40 hex digits) a branch, tag or abbreviated id names; tags win over branches, as in git."""
        refs = self.refs()
        for full in (revision, f"refs/tags/{revision}", f"refs/heads/{revision}"):
            if full in refs:
                return refs[full].commit
        if revision == "HEAD":
            return self.resolve(self.default_branch)
        if not _SHA.fullmatch(revision):
            return None
        if revision in self._known:
            return revision
        found = self.run("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}", accept=(0, 1, 128))
        return found.decode().strip() or None

    def commits(self, shas: Iterable[str]) -> dict[str, Commit]:
        """The commits with these full ids."""
        wanted = list(dict.fromkeys(shas))
        missing = [sha for sha in wanted if sha not in self._known]
        if missing:
            output = self.run(
                "log",
                "--no-walk=unsorted",
                f"--format=tformat:{_COMMIT_FORMAT}",
                "--stdin",
                stdin="\n".join(missing).encode() + b"\n",
            )
            self._known.update((commit.id, commit) for commit in _commits(output))
        return {sha: self._known[sha] for sha in wanted}

    def commit(self, revision: str) -> Commit | None:
        """The commit `revision` names."""
        sha = self.resolve(revision)
        return None if sha is None else self.commits([sha])[sha]

    def log(self, *revisions: str, options: Sequence[str] = (), paths: Sequence[str] = ()) -> list[Commit]:
        """Commits reachable from full ids or ranges, newest first."""
        output = self.run("log", f"--format=tformat:{_COMMIT_FORMAT}", *options, *revisions, "--", *paths)
        return _commits(output)

    def count(self, revision: str) -> int:
        """How many commits `revision` (a full id or range) reaches."""
        return int(self.run("rev-list", "--count", revision).strip())

    def merge_base(self, *shas: str) -> str | None:
        """The best common ancestor of full ids."""
        return self.run("merge-base", *shas, accept=(0, 1)).decode().strip() or None

    def is_ancestor(self, older: str, newer: str) -> bool:
        """Whether `newer` contains `older`."""
        return older == newer or self.merge_base(older, newer) == older

    def containing(self, sha: str) -> list[Ref]:
        """Branches and tags that contain the commit."""
        refs = self.refs()
        names = self.run("for-each-ref", "--format=%(refname)", f"--contains={sha}", "refs/heads", "refs/tags")
        return [refs[name] for name in names.decode().split("\n") if name in refs]

    def blob(self, sha: str, path: str) -> tuple[str, bytes] | None:
        """Blob id and content of `path` at the commit; None when there is no such file."""
        seed = self.seed
        if seed is not None and sha in self._known:
            data = seed.files.get(path)
            return None if data is None else (make_object("blob", data).oid, data)
        try:
            oid = self.run("rev-parse", "--verify", "--quiet", f"{sha}:{path}", accept=(0, 1, 128)).decode().strip()
            return (oid, self.run("cat-file", "blob", oid)) if oid else None
        except GitError:  # a directory
            return None

    def tree(self, sha: str, folder: str, *, recursive: bool = False) -> list[tuple[str, str, str, str]] | None:
        """Mode, type, id and path of what lies in a folder, folders first; None when there is no such folder."""
        flags = ("-r", "-t") if recursive else ()
        try:
            output = self.run("ls-tree", "-z", *flags, f"{sha}:{folder}").decode(errors="replace")
        except GitError:
            return None
        rows = [line.partition("\t") for line in output.split("\0") if line]
        found = [(*head.split(" "), f"{folder}/{name}" if folder else name) for head, _, name in rows]
        return sorted(((mode, kind, oid, path) for mode, kind, oid, path in found), key=lambda row: row[1] != "tree")

    def last_commit(self, sha: str, path: str) -> str:
        """The commit that last touched `path`, seen from `sha`."""
        return self.run("log", "-1", "--format=%H", sha, "--", path).decode().strip() or sha

    def stats(self, sha: str) -> tuple[int, int]:
        """Lines added and removed by the commit."""
        added = removed = 0
        output = self.run("show", "--numstat", "--format=", "--first-parent", "-m", sha).decode(errors="replace")
        for line in output.splitlines():
            plus, minus, _ = line.split("\t", 2)
            added += int(plus) if plus.isdigit() else 0
            removed += int(minus) if minus.isdigit() else 0
        return added, removed

    def diff(self, old: str, new: str) -> list[FileDiff]:
        """Changed files between two trees or commits, with their patches."""
        raw = self.run("diff", "--raw", "-z", "-M", "--no-abbrev", old, new).decode(errors="replace").split("\0")
        patch = self.run("diff", "-M", "--no-color", old, new).decode(errors="replace")
        patches = [part.split("\n@@", 1) for part in re.split(r"(?m)^diff --git ", patch)[1:]]
        bodies = ["@@" + part[1] if len(part) == 2 else "" for part in patches]
        found: list[FileDiff] = []
        cells = iter(raw)
        for head in cells:
            if not head.startswith(":"):
                continue
            a_mode, b_mode, _, _, status = head[1:].split(" ")
            old_path = next(cells)
            renamed = status[0] in "RC"
            new_path = next(cells) if renamed else old_path
            found.append(
                FileDiff(
                    old_path=old_path,
                    new_path=new_path,
                    a_mode=a_mode,
                    b_mode=b_mode,
                    diff=bodies[len(found)] if len(found) < len(bodies) else "",
                    new_file=status == "A",
                    renamed_file=renamed,
                    deleted_file=status == "D",
                )
            )
        return found
