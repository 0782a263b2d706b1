"""Reads a commit out of a bare repository with git."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from functools import cached_property
from pathlib import Path

from bot.sandbox.ci.model import CiError

NO_COMMIT = "0" * 40


def git_environment() -> Mapping[str, str]:
    """An environment in which git reads no configuration but the repository's own."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "LANG": "C.UTF-8",
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """What the predefined variables tell of a commit. `timestamp` is ISO 8601 with the committer's offset."""

    sha: str
    author: str
    timestamp: str
    message: str

    @property
    def title(self) -> str:
        return self.message.partition("\n")[0]

    @property
    def description(self) -> str:
        return self.message.partition("\n")[2].strip("\n") + "\n" if "\n" in self.message.strip() else ""


class Source:
    """The repository as it is at one commit."""

    def __init__(self, repository: Path, sha: str) -> None:
        self._repository = repository
        self.sha = sha

    @cached_property
    def commit(self) -> Commit:
        """The commit itself.

        Raises:
            CiError: there is no such commit.
        """
        raw = self._object(self.sha)
        if raw is None:
            raise CiError(["Commit not found"])
        return _commit(self.sha, raw.decode(errors="replace"))

    def read(self, path: str) -> str | None:
        """Text of a file, None if the commit does not hold it (a path that is no valid UTF-8 text is replaced)."""
        raw = self._object(f"{self.sha}:{path}")
        return None if raw is None else raw.decode(errors="replace")

    @cached_property
    def files(self) -> list[str]:
        """Every path of the commit, in git's order."""
        return self._names("ls-tree", "-r", "-z", "--name-only", self.sha)

    def changed(self, before: str) -> list[str] | None:
        """Paths that differ from another commit; None if that is no longer there."""
        if self._object(before) is None:
            return None
        return self._names("diff", "-z", "--name-only", "--no-renames", before, self.sha)

    def tag_message(self, tag: str) -> str:
        """The message of an annotated tag, empty for a lightweight one."""
        raw = self._object(f"refs/tags/{tag}")
        head, _, message = raw.decode(errors="replace").partition("\n\n") if raw else ("", "", "")
        return message.rstrip("\n") if head.startswith("object ") else ""

    def _object(self, name: str) -> bytes | None:
        if "\n" in name:
            return None
        answer = self._git("cat-file", "--batch", given=name.encode() + b"\n")
        head, _, body = answer.partition(b"\n")
        fields = head.rsplit(b" ", 2)
        return body[: int(fields[2])] if len(fields) == 3 and fields[2].isdigit() else None

    def _names(self, *arguments: str) -> list[str]:
        return [name.decode(errors="replace") for name in self._git(*arguments).split(b"\0") if name]

    def _git(self, *arguments: str, given: bytes = b"") -> bytes:
        done = subprocess.run(
            ["git", "--git-dir", str(self._repository), *arguments],
            input=given,
            capture_output=True,
            check=False,
            env=git_environment(),
        )
        if done.returncode:
            raise CiError([f"git {arguments[0]}: {done.stderr.decode(errors='replace').strip()}"])
        return done.stdout


def _commit(sha: str, raw: str) -> Commit:
    head, _, message = raw.partition("\n\n")
    fields = {key: value for key, _, value in (line.partition(" ") for line in head.splitlines())}
    who, seconds, offset = fields.get("committer", " 0 +0000").rsplit(" ", 2)
    zone = timedelta(hours=int(offset[1:3]), minutes=int(offset[3:5])) * (-1 if offset[0] == "-" else 1)
    moment = datetime.fromtimestamp(int(seconds), UTC).astimezone(timezone(zone))
    return Commit(
        sha=sha,
        author=fields.get("author", who).rsplit(" ", 2)[0],
        timestamp=moment.isoformat(),
        message=message.rstrip("\n"),
    )
