"""Changes to a repository made by the API and by world builders: commits, merges, tags, branches."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from bot.sandbox.git.objects import Signature
from bot.sandbox.git.repository import Repository
from bot.sandbox.git.run import git

BLANK = "0" * 40
"""The id that stands for "no such ref" in pushes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefChange:
    """One ref a push moved. `before` or `after` is `BLANK` when the ref was created or removed."""

    ref: str
    before: str
    after: str

    @property
    def tag(self) -> bool:
        """Whether the ref is a tag."""
        return self.ref.startswith("refs/tags/")

    @property
    def name(self) -> str:
        """The short name."""
        return self.ref.split("/", 2)[2]

    @property
    def action(self) -> str:
        """`created`, `removed` or `pushed`."""
        if self.before == BLANK:
            return "created"
        return "removed" if self.after == BLANK else "pushed"


_PART_BYTES, _NAME_LIMIT = 240, 1000
"""A ref is a file: the longest part between slashes, and the longest name, that every file system takes."""


class MergeConflictError(Exception):
    """Two branches change the same lines."""


def valid_ref_name(name: str) -> bool:
    """Whether git accepts `name` as a branch or tag, and has a place for it. Source: git-check-ref-format."""
    bad = re.search(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(/|$)", name)
    fits = all(len(part.encode()) <= _PART_BYTES for part in name.split("/")) and len(name) <= _NAME_LIMIT
    return bool(name) and bad is None and fits and name != "@" and name[0] not in "-/." and name[-1] not in "/."


def valid_path(path: str) -> bool:
    """Whether a tree can hold a file of this path."""
    return not any(part in ("", ".", "..", ".git") for part in path.lower().split("/")) and not set(path) & set("\n\0")


def _quoted(path: str) -> bytes:
    if not valid_path(path):
        raise ValueError(f"no tree can hold a file called {path!r}")
    escaped = path.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'.encode()


def commit_files(
    repository: Repository,
    branch: str,
    message: str,
    files: Mapping[str, bytes | None],
    author: Signature,
    *,
    start: str | None = None,
    force: bool = False,
) -> RefChange:
    """Commit `files` (None removes) on `branch`, created from the commit `start` when it does not exist.

    With `force` the branch begins there anew, wherever it stands.
    """
    with repository.lock:
        known = repository.branch(branch)
        parent = known.commit if known and not force else start
        text = message.encode()
        stream = [f"commit refs/heads/{branch}\nauthor {author.line()}\ncommitter {author.line()}\n".encode()]
        stream.append(f"data {len(text)}\n".encode() + text + b"\n")
        if parent:
            stream.append(f"from {parent}\n".encode())
        for path, data in files.items():
            if data is None:
                stream.append(b"D " + _quoted(path) + b"\n")
            else:
                stream.append(b"M 100644 inline " + _quoted(path) + f"\ndata {len(data)}\n".encode() + data + b"\n")
        forced = ("--force",) if force else ()
        repository.run("fast-import", "--quiet", "--date-format=raw", *forced, stdin=b"".join(stream))
        repository.forget()
        made = repository.branch(branch)
        if made is None:
            raise AssertionError(f"fast-import left no branch {branch}")
        return RefChange(ref=f"refs/heads/{branch}", before=known.commit if known else BLANK, after=made.commit)


def _dated(author: Signature) -> dict[str, str]:
    when = f"{int(author.when.timestamp())} +0000"
    return {
        "GIT_AUTHOR_NAME": author.name,
        "GIT_AUTHOR_EMAIL": author.email,
        "GIT_AUTHOR_DATE": when,
        "GIT_COMMITTER_NAME": author.name,
        "GIT_COMMITTER_EMAIL": author.email,
        "GIT_COMMITTER_DATE": when,
    }


def commit_tree(repository: Repository, tree: str, parents: list[str], message: str, author: Signature) -> str:
    """Make a commit object and return its id; no ref moves."""
    flags = [flag for parent in parents for flag in ("-p", parent)]
    made = git(
        repository.materialise(),
        "commit-tree",
        tree,
        *flags,
        stdin=message.encode(),
        environment=_dated(author),
    )
    return made.decode().strip()


def merged_tree(repository: Repository, ours: str, theirs: str) -> str:
    """The tree of a merge of two commits. Raises: MergeConflictError."""
    output = repository.run("merge-tree", "--write-tree", ours, theirs, accept=(0, 1)).decode()
    tree, _, rest = output.partition("\n")
    if rest.strip():
        raise MergeConflictError(rest.strip())
    return tree.strip()


def set_ref(repository: Repository, ref: str, new: str, old: str) -> RefChange:
    """Move `ref` from `old` to `new` (`BLANK` creates or removes). Raises: GitError when `old` is not its value."""
    with repository.lock:
        if new == BLANK:
            repository.run("update-ref", "-d", ref, old)
        else:
            repository.run("update-ref", ref, new, old)
        repository.forget()
    return RefChange(ref=ref, before=old, after=new)


def create_tag(repository: Repository, name: str, target: str, message: str, tagger: Signature) -> RefChange:
    """Tag the commit `target`: annotated when there is a message, else lightweight. The tag must not exist."""
    ref = f"refs/tags/{name}"
    if not message:
        return set_ref(repository, ref, target, BLANK)
    body = f"object {target}\ntype commit\ntag {name}\ntagger {tagger.line()}\n\n{message.rstrip()}\n"
    made = repository.run("mktag", stdin=body.encode()).decode().strip()
    return set_ref(repository, ref, made, BLANK)
