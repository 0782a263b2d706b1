"""From job artifacts to kept, checked distributions."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bot.adapters.index.children import Children, Ended
from bot.adapters.index.inspection import inspect
from bot.adapters.index.kept import KeptFiles
from bot.adapters.index.limits import MIB, Patience
from bot.adapters.index.messages import Checked, CheckJob
from bot.adapters.index.names import ArchiveError
from bot.adapters.index.zips import Member, ZipReader
from bot.domain.distributions import Distribution, FileName, parse_filename
from bot.ports.index import Gathered

PREFERRED = "dist"
_FEW = 5  # names shown of an archive that holds no distribution
_FILENAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]{0,219}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """A distribution inside an artifact archive."""

    job_id: int
    job: str
    zip_file: Path
    member: Member
    filename: str
    said: FileName | None


class Gatherer:
    """Reads artifact archives. Problems are sentences that name the job, since a person has to mend it there."""

    def __init__(self, kept: KeptFiles, children: Children, patience: Patience, line: Callable[[str], str]) -> None:
        self._kept = kept
        self._children = children
        self._patience = patience
        self._line = line

    def gather(self, archives: Sequence[tuple[int, str, Path]]) -> Gathered:
        """See Distributions.gather."""
        found: list[_Found] = []
        problems: list[str] = []
        contents: list[str] = []
        for job_id, job, path in archives:
            try:
                with path.open("rb") as file:
                    members = ZipReader(file).members
            except ArchiveError as error:
                problems.append(self._line(f"The artifacts of job {job_id} ({job}) are refused: the archive {error}."))
                continue
            contents.append(f"job {job_id} ({job}) {_contents(members)}")
            found += _distributions(job_id, job, path, members)
        if any(PREFERRED in item.member.name.split("/")[:-1] for item in found):
            found = [item for item in found if PREFERRED in item.member.name.split("/")[:-1]]
        if not found and not problems:
            held = "; ".join(contents) or "there was no archive"
            problems.append(self._line(f"No job made a wheel or an sdist: {held}."))
        files: dict[str, Distribution] = {}
        for item in found:
            try:
                distribution = self._take(item)
            except ArchiveError as error:
                where = f"of job {item.job_id} ({item.job})"
                problems.append(self._line(f"{item.filename} {where} is refused: it {error}."))
                continue
            first = files.setdefault(item.filename, distribution)
            if first.sha256 != distribution.sha256:
                both = f"{first.origin} and {distribution.origin}"
                problems.append(self._line(f"{item.filename} comes with different bytes from {both}."))
        checked = () if problems else tuple(self._check(one) for one in files.values())
        return Gathered(files=checked or tuple(files.values()), problems=tuple(problems))

    def _take(self, item: _Found) -> Distribution:
        """Read one distribution out of its archive, inspect it and keep it. Raises: ArchiveError."""
        if item.said is None or not _FILENAME.fullmatch(item.filename):
            raise ArchiveError("has a file name that no index takes")
        with item.zip_file.open("rb") as file, self._kept.scratch() as copy, self._kept.scratch() as unpacked:
            for piece in ZipReader(file).chunks(item.member):
                copy.write(piece)
            metadata = inspect(copy, unpacked, item.said)
            sha256, size = self._kept.keep(copy, item.filename)
        return Distribution(
            filename=item.filename,
            kind=item.said.kind,
            sha256=sha256,
            size=size,
            metadata=metadata,
            origin=f"job {item.job_id} ({item.job})",
            job_id=item.job_id,
        )

    def _check(self, distribution: Distribution) -> Distribution:
        """The distribution with what `twine check --strict` objects to."""
        path = self._kept.path(distribution.sha256, distribution.filename)
        job = CheckJob(path=str(path), memory=self._patience.memory, cpu=self._patience.cpu)
        ended = self._children.run(job, deadline=self._patience.check)
        if isinstance(ended.reply, Checked):
            words = ended.reply.complaint.replace(str(path), distribution.filename)
            problem = f"twine check --strict: {words}" if words else ""
        else:
            problem = f"twine check --strict {self._broken_off(ended)}"
        return replace(distribution, problem=self._line(problem))

    def _broken_off(self, ended: Ended) -> str:
        patience = self._patience
        if ended.late:
            return f"did not end within {patience.check:.0f} s"
        if ended.code in (-signal.SIGXCPU, -signal.SIGKILL):
            return f"took more than {patience.cpu} s of processor time or {patience.memory // MIB} MiB of memory"
        return f"broke off (code {ended.code})"


def _distributions(job_id: int, job: str, path: Path, members: Sequence[Member]) -> list[_Found]:
    """What looks like a wheel or an sdist. A `.whl` with an impossible name is taken too: it must be explained."""
    found = []
    for member in members:
        filename = member.name.rsplit("/", 1)[-1]
        said = parse_filename(filename)
        if said is not None or filename.endswith(".whl"):
            found.append(_Found(job_id=job_id, job=job, zip_file=path, member=member, filename=filename, said=said))
    return found


def _contents(members: Sequence[Member]) -> str:
    if not members:
        return "left an empty archive"
    shown = ", ".join(member.name for member in members[:_FEW])
    more = f" and {len(members) - _FEW} more" if len(members) > _FEW else ""
    return f"left {shown}{more}"
