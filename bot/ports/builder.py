"""What the loop needs to make distributions itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOrder:
    """What to build: the commit (40 hex digits) that the archive must be of, and the project's folder in it (empty: its
    top). `version` is what the tag announces, for projects that ask their version control; `name` the distribution's,
    as far as it is known.
    """

    sha: str
    folder: str = ""
    version: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """What a build left. `files` is a zip that holds the distributions below `dist/`, the caller's to delete; None if
    there are problems, which are sentences. `again` says that they can be mended without another commit.
    """

    files: Path | None
    problems: tuple[str, ...] = ()
    again: bool = False


class Archives(Protocol):
    """Trees of commits."""

    def archive(self, project_id: int, sha: str) -> Path | None:
        """Download the `.tar.gz` of a commit's tree to a new file, the caller's to delete; None if it is not there."""


class Builder(Protocol):
    """Build from source, isolated."""

    def build(self, archive: Path, order: BuildOrder) -> Built:
        """Build sdist and wheel from the archive of a commit. Raises: TransientError."""

    def obstacle(self) -> str:
        """Why nothing can be built here, as a sentence with its remedy; empty if builds work. Tries it out."""
