"""The daemon's side of reading what distributions hold: one child a file, and a memory of what was read."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bot.adapters.index.children import Children
from bot.adapters.index.kept import KeptFiles
from bot.adapters.index.limits import MIB, Patience
from bot.adapters.index.messages import Access, Dissected, DissectJob, Fetch, Unreadable
from bot.domain.anatomy import Anatomy
from bot.domain.distributions import Distribution, IndexFile, parse_filename
from bot.domain.errors import RefusedError, TransientError
from bot.domain.policy import IndexKind, IndexSpec
from bot.ports.index import IndexPlace

LONGEST_DOWNLOAD = 256 * MIB  # of one file; larger ones are not compared
_MOST_NAMES = 50_000  # names remembered, over all anatomies: some 5 MB


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaching:
    """How the adapter reaches an index, tells of its errors and counts requests to it."""

    access: Callable[[IndexSpec], Access]
    error: Callable[[IndexPlace, Unreadable], TransientError | RefusedError]
    where: Callable[[IndexPlace], str]
    count: Callable[[IndexPlace, int], None]


class IndexAnatomist:
    """See bot.ports.index.Anatomist. Safe to use from several threads.

    What was read is remembered by sha256, which names the bytes for ever: the turns of one release ask again and again.
    """

    def __init__(self, children: Children, kept: KeptFiles, patience: Patience, reaching: Reaching) -> None:
        self._children = children
        self._kept = kept
        self._patience = patience
        self._reaching = reaching
        self._known: OrderedDict[str, Anatomy] = OrderedDict()
        self._names = 0
        self._lock = threading.Lock()

    def kept(self, distribution: Distribution) -> Anatomy:
        """See Anatomist.kept."""
        path = self._kept.path(distribution.sha256, distribution.filename)
        return self._recalled(distribution.sha256) or self._read(distribution.filename, distribution.sha256, path)

    def published(self, place: IndexPlace, file: IndexFile) -> Anatomy:
        """See Anatomist.published."""
        where = self._reaching.where(place)
        if file.sha256 is None:
            raise RefusedError(what=f"{file.filename} is listed without a sha256", where=where)
        known = self._recalled(file.sha256)
        if known is not None:
            return known
        fetch = Fetch(
            url=file.url,
            home=place.simple_url,
            sha256=file.sha256,
            most=LONGEST_DOWNLOAD,
            access=self._reaching.access(place.spec),
            storage=place.spec.kind is IndexKind.GITLAB,
        )
        return self._read(file.filename, file.sha256, None, (place, fetch))

    def _read(
        self, filename: str, sha256: str, path: Path | None, there: tuple[IndexPlace, Fetch] | None = None
    ) -> Anatomy:
        patience = self._patience
        job = DissectJob(
            filename=filename,
            path="" if path is None else str(path),
            scratch=str(self._kept.incoming),
            memory=patience.memory,
            cpu=patience.cpu,
            fetch=None if there is None else there[1],
        )
        ended = self._children.run(job, deadline=patience.check if there is None else patience.download)
        reply = ended.reply
        where = filename if there is None else self._reaching.where(there[0])
        if there is not None and isinstance(reply, Dissected | Unreadable):
            self._reaching.count(there[0], reply.requests)
        match reply:
            case Dissected():
                return self._remember(sha256, _anatomy(filename, reply))
            case Unreadable() if there is not None:
                raise self._reaching.error(there[0], reply)
            case Unreadable():
                raise RefusedError(what=reply.what, where=where)
            case _ if ended.ruined:
                raise RefusedError(what=f"{filename} takes too much to read", where=where)
            case _:
                raise TransientError(what=ended.why, where=where)

    def _recalled(self, sha256: str) -> Anatomy | None:
        with self._lock:
            return self._known.get(sha256)

    def _remember(self, sha256: str, anatomy: Anatomy) -> Anatomy:
        with self._lock:
            if sha256 not in self._known:
                self._names += len(anatomy.files)
            self._known[sha256] = anatomy
            while self._names > _MOST_NAMES and len(self._known) > 1:
                _, oldest = self._known.popitem(last=False)
                self._names -= len(oldest.files)
        return anatomy


def _anatomy(filename: str, read: Dissected) -> Anatomy:
    said = parse_filename(filename)
    assert said is not None, "the child has read it as what its name says"
    return Anatomy(
        filename=filename,
        kind=said.kind,
        size=read.size,
        files=read.files,
        top_levels=read.top_levels,
        requires=read.requires,
        requires_python=read.requires_python,
        entry_points=read.entry_points,
        license=read.license,
    )
