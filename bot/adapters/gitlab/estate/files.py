"""CI files of many projects: which blob each has, and each blob's text once, wherever a project's settings put it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Generic, Protocol, TypeVar

from bot.adapters.gitlab.client import Json
from bot.adapters.gitlab.estate import queries
from bot.adapters.gitlab.estate.asking import Asker, Portion, in_portions
from bot.adapters.gitlab.estate.blobs import MOST_BYTES, Blob, blob_of, blobs_at
from bot.adapters.gitlab.estate.reading import Row, gid, nodes, number
from bot.domain.ci import CiFacts, CiUnknown
from bot.domain.errors import RefusedError, RopewalkError, TransientError
from bot.domain.estate import CI_PATH

MOST_KEPT = 512  # parsed files; organisations that have more of them have them in many groups

Ci = CiFacts | CiUnknown
V = TypeVar("V")


class Read(Protocol):
    """Makes facts of a CI file's text, within bounds of its own; `merged` says that GitLab merged it."""

    def __call__(self, text: str, *, merged: bool = False) -> Ci:
        """The facts, or why they are unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CiFile:
    """A project's CI file: where it is, which blob (empty where that is not known), and what is in it.

    `ci` is None for a project without one.
    """

    path: str
    oid: str = ""
    ci: Ci | None = None

    @property
    def elsewhere(self) -> bool:
        """Whether it is no file of the project: CI Lint then cannot merge it. Source: lib/api/lint.rb."""
        return "@" in self.path or "://" in self.path


@dataclass(frozen=True, slots=True)
class _Look:
    """Where a project's CI file is, and its blob, if it is there."""

    path: str
    found: Blob | CiUnknown | None


class Kept(Generic[V]):
    """The newest so many values."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[str, V] = OrderedDict()

    def get(self, key: str) -> V | None:
        """What was kept."""
        if key in self._values:
            self._values.move_to_end(key)
        return self._values.get(key)

    def keep(self, key: str, value: V) -> V:
        """Keep it, and forget the oldest."""
        self._values[key] = value
        if len(self._values) > self._most:
            self._values.popitem(last=False)
        return value


class CiFiles:
    """Reads and parses CI files; `read` makes facts of a text, within bounds of its own."""

    def __init__(self, asker: Asker, read: Read) -> None:
        self._asker = asker
        self._read = read
        self._parsed: Kept[Ci] = Kept(MOST_KEPT)
        self._elsewhere: Kept[CiFile] = Kept(MOST_KEPT)
        self._blobs, self._texts = Portion(), Portion()

    def warm(self) -> None:
        """Let the reader of CI files start, which may take a second, while GitLab is asked for something else."""
        self._read("{}")

    def of(self, rows: Sequence[Row]) -> dict[int, CiFile]:
        """Project id -> its CI file."""
        looks = self._look(rows, CI_PATH)
        moved: dict[str, list[Row]] = {}
        for row in rows:
            if looks[row.id].path != CI_PATH and not CiFile(path=looks[row.id].path).elsewhere:
                moved.setdefault(looks[row.id].path, []).append(row)
        texts = self._contents(rows, looks, CI_PATH)
        found = {row.id: self._file(looks[row.id], texts) for row in rows}
        for path, some in moved.items():
            there = self._look(some, path)
            texts = self._contents(some, there, path)
            found |= {row.id: replace(self._file(there[row.id], texts), path=path) for row in some}
        return found

    def _file(self, look: _Look, texts: dict[str, Ci]) -> CiFile:
        file = CiFile(path=look.path)
        if file.elsewhere:
            return self._elsewhere.get(look.path) or self._elsewhere.keep(look.path, self._fetched(look.path))
        if not isinstance(look.found, Blob):
            return replace(file, ci=look.found)
        oid = look.found.oid
        if look.found.size > MOST_BYTES:
            return replace(file, oid=oid, ci=CiUnknown(reason=f"the CI file is larger than {MOST_BYTES} bytes"))
        ci = self._parsed.get(oid) or texts.get(oid) or CiUnknown(reason="the CI file changed while it was read")
        return replace(file, oid=oid, ci=ci)

    def _look(self, rows: Sequence[Row], path: str) -> dict[int, _Look]:
        """Project id -> what a path leads to in it."""
        found: dict[int, _Look] = {}
        for some, answer in in_portions(rows, self._blobs, lambda part: self._ask(queries.BLOBS, part, path)):
            for row in some:
                if isinstance(answer, RopewalkError):
                    found[row.id] = _Look(path, CiUnknown(reason=f"the CI file could not be read: {answer}"))
                else:
                    found[row.id] = answer.get(row.id) or _Look(path, _NOBODY)
        return found

    def _contents(self, rows: Sequence[Row], looks: dict[int, _Look], path: str) -> dict[str, Ci]:
        """Blob -> facts, of those blobs that are at that path and not known yet; each is asked for once."""
        wanted: dict[str, Row] = {}
        for row in rows:
            look = looks[row.id]
            blob = look.found
            if not isinstance(blob, Blob) or path != look.path or blob.size > MOST_BYTES:
                continue
            if self._parsed.get(blob.oid) is None:
                wanted.setdefault(blob.oid, row)
        fresh: dict[str, Ci] = {}
        ask = in_portions(list(wanted.values()), self._texts, lambda part: self._ask(queries.TEXTS, part, path))
        for _, answer in ask:
            for look in () if isinstance(answer, RopewalkError) else answer.values():
                if isinstance(look.found, Blob):
                    fresh[look.found.oid] = self._parsed.keep(look.found.oid, self._facts(look.found))
        return fresh

    def _facts(self, blob: Blob) -> Ci:
        return CiUnknown(reason="GitLab does not show the CI file") if blob.text is None else self._read(blob.text)

    def _ask(self, query: str, rows: Sequence[Row], path: str) -> dict[int, _Look]:
        data = self._asker.graphql(query, {"ids": [gid(row.id) for row in rows], "paths": [path]})
        return self._asker.api.read(
            lambda found: {number(node["id"]): _look(node, path) for node in found}, nodes(data, "projects")
        )

    def _fetched(self, path: str) -> CiFile:
        """A CI file that another project holds, as `PATH@GROUP/PROJECT` or `PATH@GROUP/PROJECT:REF`.

        Source: lib/gitlab/ci/project_config/external_project.rb.
        """
        name, _, place = path.partition("@")
        project, _, ref = place.partition(":")
        file = CiFile(path=path)
        if "://" in path or not (name and project):
            return replace(file, ci=_unread(path, "it is at a URL, and no audit leaves GitLab"))
        try:
            blobs = blobs_at(self._asker, project, [name], ref or None)
            blob = None if blobs is None else blobs.get(name)
            if blob is None:
                why = "there is no such file" if blobs is not None else "the token's user needs Reporter there"
                return replace(file, ci=_unread(path, why))
            if blob.size > MOST_BYTES:
                return replace(file, ci=_unread(path, f"it is larger than {MOST_BYTES} bytes"))
            texts = blobs_at(self._asker, project, [name], ref or None, texts=True) or {}
        except (RefusedError, TransientError) as error:
            return replace(file, ci=_unread(path, str(error)))
        return replace(file, oid=blob.oid, ci=self._facts(texts.get(name, blob)))


def _unread(path: str, why: str) -> CiUnknown:
    return CiUnknown(reason=f"the CI file is kept elsewhere ({path}) and cannot be read: {why}")


def _look(node: Json, path: str) -> _Look:
    path = str(node.get("ciConfigPathOrDefault") or path)
    if node.get("repository") is None:
        return _Look(path, CiUnknown(reason="the repository may not be read: the token's user needs Reporter"))
    found = next(iter(nodes(node, "repository", "blobs")), None)
    return _Look(path, None if found is None else blob_of(found))


_NOBODY = CiUnknown(reason="the project went away while it was read")
