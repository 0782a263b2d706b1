"""CI files of many projects: which blob each has, and each blob's text once.

Where a publishing job is hidden behind `include` or `extends`, GitLab merges the file (CI Lint), also once for each
blob that takes in nothing of its own project.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.adapters.gitlab.client import Json
from bot.adapters.gitlab.estate import queries
from bot.adapters.gitlab.estate.asking import Asker, Portion, in_portions
from bot.adapters.gitlab.estate.reading import Row, gid, nodes, number
from bot.domain.ci import CiFacts, CiUnknown
from bot.domain.ci_lines import located
from bot.domain.errors import CredentialsError, RefusedError, RopewalkError, TransientError

PATH = ".gitlab-ci.yml"
MOST_BYTES = 1024 * 1024  # of one file; SECURITY: beyond it is unknown
MOST_KEPT = 512  # parsed files; organisations that have more of them have them in many groups

Ci = CiFacts | CiUnknown


class Read(Protocol):
    """Makes facts of a CI file's text, within bounds of its own; `merged` says that GitLab merged it."""

    def __call__(self, text: str, *, merged: bool = False) -> Ci:
        """The facts, or why they are unknown."""


@dataclass(frozen=True, slots=True)
class _Blob:
    """A file's blob; its text where that was asked for."""

    oid: str
    size: int
    text: str | None


_Found = _Blob | CiUnknown | None


def _blob(node: Json) -> _Found:
    if node.get("repository") is None:
        return CiUnknown(reason="the repository may not be read: the token's user needs Reporter")
    found = next(iter(nodes(node, "repository", "blobs")), None)
    if found is None:
        return None
    text = found.get("rawBlob")
    return _Blob(str(found["oid"]), int(found.get("size") or 0), None if text is None else str(text))


class Kept:
    """The newest so many values."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[str, Ci] = OrderedDict()

    def get(self, key: str) -> Ci | None:
        """What was kept."""
        if key in self._values:
            self._values.move_to_end(key)
        return self._values.get(key)

    def keep(self, key: str, value: Ci) -> None:
        """Keep it, and forget the oldest."""
        self._values[key] = value
        if len(self._values) > self._most:
            self._values.popitem(last=False)


class CiFiles:
    """Reads and parses CI files; `read` makes facts of a text, within bounds of its own."""

    def __init__(self, asker: Asker, read: Read) -> None:
        self._asker = asker
        self._read = read
        self._parsed = Kept(MOST_KEPT)
        self._merged = Kept(MOST_KEPT)
        self._blobs, self._texts = Portion(), Portion()

    def warm(self) -> None:
        """Let the reader of CI files start, which may take a second, while GitLab is asked for something else."""
        self._read("{}")

    def of(self, rows: Sequence[Row]) -> dict[int, tuple[str, Ci]]:
        """Project id -> its CI file's blob and what is in it; no entry for a project without one."""
        found: dict[int, tuple[str, Ci]] = {}
        wanted: dict[str, Row] = {}
        oids: dict[int, str] = {}
        for some, answer in in_portions(rows, self._blobs, lambda part: self._ask(queries.BLOBS, part)):
            for row in some:
                if isinstance(answer, RopewalkError):
                    found[row.id] = ("", CiUnknown(reason=f"the CI file could not be read: {answer}"))
                    continue
                blob = answer.get(row.id, _NOBODY)
                if isinstance(blob, CiUnknown):
                    found[row.id] = ("", blob)
                elif blob is not None and blob.size > MOST_BYTES:
                    found[row.id] = (blob.oid, CiUnknown(reason=f"the CI file is larger than {MOST_BYTES} bytes"))
                elif blob is not None:
                    oids[row.id] = blob.oid
                    if self._parsed.get(blob.oid) is None:
                        wanted.setdefault(blob.oid, row)
        fresh = self._parse(list(wanted.values()))
        for project_id, oid in oids.items():
            ci = self._parsed.get(oid) or fresh.get(oid)
            found[project_id] = (oid, ci or CiUnknown(reason="the CI file changed while it was read"))
        return found

    def merged(self, row: Row, oid: str, ci: CiFacts) -> Ci:
        """The file with includes and extends resolved by GitLab."""
        # What `local` brings stands in the project's own repository, at the same commit.
        key = f"{oid} {row.id}" if "local" in ci.includes else oid
        known = self._merged.get(key)
        if known is None:
            known = self._lint(row)
            if isinstance(known, CiFacts):
                known = located(known, ci)
            self._merged.keep(key, known)
        return known

    def _parse(self, rows: Sequence[Row]) -> dict[str, Ci]:
        fresh: dict[str, Ci] = {}
        for _, answer in in_portions(rows, self._texts, lambda part: self._ask(queries.TEXTS, part)):
            if isinstance(answer, RopewalkError):
                continue
            for blob in answer.values():
                if blob is None or isinstance(blob, CiUnknown):
                    continue
                hidden = CiUnknown(reason="GitLab does not show the CI file")
                ci = hidden if blob.text is None else self._read(blob.text)
                fresh[blob.oid] = ci
                self._parsed.keep(blob.oid, ci)
        return fresh

    def _ask(self, query: str, rows: Sequence[Row]) -> dict[int, _Found]:
        """Project id -> its blob, None for a project without the file, CiUnknown for one whose code we may not see."""
        data = self._asker.graphql(query, {"ids": [gid(row.id) for row in rows], "paths": [PATH]})
        return self._asker.api.read(
            lambda found: {number(node["id"]): _blob(node) for node in found}, nodes(data, "projects")
        )

    def _lint(self, row: Row) -> Ci:
        try:
            answer = self._asker.patiently(lambda: self._asker.api.get(f"/projects/{row.id}/ci/lint"))
        except CredentialsError as error:
            if error.status == 401:
                raise
            return CiUnknown(reason=f"the CI file could not be merged: {error}")
        except (RefusedError, TransientError) as error:
            return CiUnknown(reason=f"the CI file could not be merged: {error}")
        text = answer.get("merged_yaml") if isinstance(answer, dict) else None
        if not isinstance(text, str):
            return CiUnknown(reason="GitLab could not merge the CI file: an include or extends of it fails")
        return self._read(text, merged=True)


_NOBODY = CiUnknown(reason="the project went away while it was read")
