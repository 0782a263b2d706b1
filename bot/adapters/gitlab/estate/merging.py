"""CI files merged by GitLab (CI Lint), never twice for the same blobs.

What a file comes to follows from its text and, where it takes in files of its own project, from theirs and so on. So
projects with the same file are asked which blobs those files are, many projects a request, and merged once for all that
have the same ones. A file whose includes name variables or have rules comes to something else in each project.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from bot.adapters.ci.masking import mask
from bot.adapters.gitlab.client import Json
from bot.adapters.gitlab.estate import queries
from bot.adapters.gitlab.estate.asking import Asker, Portion, in_portions
from bot.adapters.gitlab.estate.blobs import MOST_BYTES, blobs_at
from bot.adapters.gitlab.estate.files import MOST_KEPT, Ci, Kept, Read
from bot.adapters.gitlab.estate.reading import Row, gid, nodes, number
from bot.domain.ci import CiFacts
from bot.domain.ci_lines import located
from bot.domain.errors import CredentialsError, RefusedError, RopewalkError, TransientError

UNAUTHORIZED = 401
MOST_LOCALS = 50  # files that one takes in; with more, each project is merged for itself
LONGEST_ERROR = 300  # characters
ABSENT, VARIES = "-", "*"  # neither is a blob or a path


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmerged:
    """A project whose CI file hides something: the file's blob, and what it says by itself."""

    row: Row
    oid: str
    ci: CiFacts


@dataclass(slots=True, kw_only=True)
class _Alike:
    """Projects that are alike as far as anybody looked: `key` is the blobs they share, `paths` are to be looked at."""

    key: tuple[str, ...]
    files: list[Unmerged]
    paths: tuple[str, ...]
    seen: frozenset[str] = frozenset()


class Merger:
    """Has CI files merged. `read` makes facts of a text, within bounds of its own."""

    def __init__(self, asker: Asker, read: Read) -> None:
        self._asker = asker
        self._read = read
        self._known: Kept[Ci] = Kept(MOST_KEPT)
        self._taken_in: Kept[tuple[str, ...]] = Kept(MOST_KEPT)
        self._portion = Portion()

    def merged(self, files: Sequence[Unmerged]) -> dict[int, Ci]:
        """Project id -> its file with includes and extends resolved, or why GitLab could not."""
        by_oid: dict[str, list[Unmerged]] = {}
        for one in files:
            by_oid.setdefault(one.oid, []).append(one)
        found: dict[int, Ci] = {}
        for oid, several in by_oid.items():
            for alike in self._alike(oid, several):
                found |= {one.row.id: self._once(" ".join(alike.key), one) for one in alike.files}
        return found

    def _alike(self, oid: str, files: list[Unmerged]) -> Iterator[_Alike]:
        """Projects whose CI file is one blob, by the blobs of all that it takes in from their own projects."""
        paths = _locals(files[0].ci)
        if paths is None:
            yield from _each(_Alike(key=(oid,), files=files, paths=()))
            return
        waiting = [_Alike(key=(oid,), files=files, paths=paths)]
        while waiting:
            one = waiting.pop()
            if not one.paths:
                yield one
            elif len(one.seen) + len(one.paths) > MOST_LOCALS:
                yield from _each(one)
            else:
                for part in self._split(one):
                    further = self._further(part)
                    if further is None:
                        yield from _each(part)
                    else:
                        waiting.append(replace(part, paths=further))

    def _split(self, one: _Alike) -> Iterator[_Alike]:
        """The projects by the blobs that they have at the paths; those that cannot be asked each for itself."""
        blobs = self._blobs([file.row for file in one.files], one.paths)
        parts: dict[tuple[str, ...], list[Unmerged]] = {}
        for file in one.files:
            own = blobs.get(file.row.id)
            if own is None:
                yield from _each(replace(one, files=[file]))
            else:
                parts.setdefault(tuple(own.get(path, ABSENT) for path in one.paths), []).append(file)
        for oids, files in parts.items():
            seen = one.seen | set(one.paths)
            yield _Alike(key=(*one.key, *oids), files=files, paths=one.paths, seen=seen)

    def _further(self, part: _Alike) -> tuple[str, ...] | None:
        """The files that those at the paths take in; None where that varies or cannot be told."""
        if not part.paths:
            return ()
        oids = dict(zip(part.paths, part.key[-len(part.paths) :], strict=True))
        there = {path: oid for path, oid in oids.items() if oid != ABSENT}
        wanted = [path for path, oid in there.items() if self._taken_in.get(oid) is None]
        if wanted and not self._learnt(part.files[0].row, wanted):
            return None
        found = {path for oid in there.values() for path in self._taken_in.get(oid) or ()}
        return None if VARIES in found else tuple(sorted(found - part.seen))

    def _learnt(self, row: Row, paths: Sequence[str]) -> bool:
        """Read files of a project, to know what they take in; False if that failed."""
        try:
            sizes = blobs_at(self._asker, row.path, paths, None) or {}
            small = [path for path in paths if path in sizes and sizes[path].size <= MOST_BYTES]
            texts = blobs_at(self._asker, row.path, small, None, texts=True) or {}
        except (RefusedError, TransientError):
            return False
        for blob in texts.values():
            ci = None if blob.text is None else self._read(blob.text)
            found = _locals(ci) if isinstance(ci, CiFacts) else None
            self._taken_in.keep(blob.oid, (VARIES,) if found is None else found)
        return set(texts) == set(paths)

    def _once(self, key: str, one: Unmerged) -> Ci:
        known = self._known.get(key)
        return self._known.keep(key, self._lint(one)) if known is None else known

    def _blobs(self, rows: Sequence[Row], paths: Sequence[str]) -> dict[int, Mapping[str, str]]:
        """Project id -> the blobs it has at these paths; projects that cannot be asked left out."""
        found: dict[int, Mapping[str, str]] = {}
        for _, answer in in_portions(rows, self._portion, lambda part: self._ask(part, paths)):
            if not isinstance(answer, RopewalkError):
                found |= answer
        return found

    def _ask(self, rows: Sequence[Row], paths: Sequence[str]) -> dict[int, Mapping[str, str]]:
        variables = {"ids": [gid(row.id) for row in rows], "paths": list(paths), "most": len(paths)}
        data = self._asker.graphql(queries.LOCALS, variables)
        return self._asker.api.read(
            lambda found: {number(node["id"]): _oids(node) for node in found if node.get("repository") is not None},
            nodes(data, "projects"),
        )

    def _lint(self, one: Unmerged) -> Ci:
        """What GitLab makes of it. Where it makes nothing the file stays as it is, with why: what stands in it for all
        to see is no less there.
        """
        try:
            answer = self._asker.patiently(lambda: self._asker.api.get(f"/projects/{one.row.id}/ci/lint"))
        except CredentialsError as error:
            if error.status == UNAUTHORIZED:
                raise
            return _as_it_stands(one, f"CI Lint could not be asked: {error}")
        except (RefusedError, TransientError) as error:
            return _as_it_stands(one, f"CI Lint could not be asked: {error}")
        text = answer.get("merged_yaml") if isinstance(answer, dict) else None
        refused = self._asker.api.read(_refused, answer)
        if not isinstance(text, str):
            why = "GitLab could not merge the file: an include or extends of it fails"
            return replace(_as_it_stands(one, why), refused=refused)
        ci = self._read(text, merged=True)
        if isinstance(ci, CiFacts):
            return replace(located(ci, one.ci), refused=refused)
        return one.ci if one.ci.whole else ci


def _as_it_stands(one: Unmerged, why: str) -> CiFacts:
    """The file itself; one that hides nothing lacks nothing."""
    return one.ci if one.ci.whole else replace(one.ci, unmerged=why)


def _refused(answer: Json) -> str:
    """GitLab's first word against the file, without what has the shape of a credential; empty if it has none."""
    if not isinstance(answer, dict) or answer.get("valid") is not False:
        return ""
    errors = [str(one) for one in answer.get("errors") or ()]
    return mask(errors[0][:LONGEST_ERROR]) if errors else "it does not say why"


def _locals(ci: CiFacts) -> tuple[str, ...] | None:
    """The files of its own project that a CI file takes in; None where that varies from project to project."""
    if any(include.varies for include in ci.included):
        return None
    return tuple(sorted({include.path for include in ci.included if include.kind == "local"}))


def _each(alike: _Alike) -> Iterator[_Alike]:
    """Each of the projects for itself."""
    for file in alike.files:
        yield _Alike(key=(*alike.key, _own(file)), files=[file], paths=())


def _own(file: Unmerged) -> str:
    return f"project:{file.row.id}"


def _oids(node: Json) -> dict[str, str]:
    return {str(blob["path"]): str(blob["oid"]) for blob in nodes(node, "repository", "blobs")}
