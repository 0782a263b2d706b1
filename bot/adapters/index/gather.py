"""From job artifacts to kept, checked distributions."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from bot.adapters.index.children import Children
from bot.adapters.index.inspection import inspect
from bot.adapters.index.kept import ATTESTATION, KeptFiles
from bot.adapters.index.limits import MIB, Patience
from bot.adapters.index.messages import Checked, CheckJob
from bot.adapters.index.names import ArchiveError, show
from bot.adapters.index.zips import Member, ZipReader
from bot.domain.distributions import Distribution, FileName, parse_filename
from bot.domain.errors import TransientError
from bot.domain.left_out import LeftOut, left_out, lookalike, sentences
from bot.ports.index import Gathered

PREFERRED = "dist"
_FEW = 5  # names shown of an archive that holds no distribution
MOST_FILES = 300  # distributions of one release; the largest projects have about a hundred
LONGEST_ATTESTATION = MIB  # bytes; one with its certificate and log entry has some ten thousand
_FILENAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]{0,219}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """A file inside an artifact archive."""

    job_id: int | None
    origin: str
    reader: ZipReader
    member: Member
    filename: str
    said: FileName | None

    @property
    def folder(self) -> list[str]:
        """The parts of the path that it lies under."""
        return self.member.name.split("/")[:-1]

    @property
    def preferred(self) -> bool:
        """Whether it lies in a folder called `dist`, at any depth."""
        return PREFERRED in self.folder

    @property
    def distribution(self) -> bool:
        """Whether it is a wheel or an sdist. A `.whl` with an impossible name counts: it must be explained."""
        return self.said is not None or self.filename.lower().endswith(".whl")


class _EmptyError(Exception):
    """The archives hold no distribution at all; the sentences say what they hold, and what of it looks like one."""

    def __init__(self, *problems: str) -> None:
        super().__init__(*problems)
        self.problems = problems


class Gatherer:
    """Reads artifact archives. Problems are sentences that name the job, since a person has to mend it there."""

    def __init__(self, kept: KeptFiles, children: Children, patience: Patience, line: Callable[[str], str]) -> None:
        self._kept = kept
        self._children = children
        self._patience = patience
        self._line = line

    def gather(self, archives: Sequence[tuple[int | None, str, Path]]) -> Gathered:
        """See Distributions.gather. Raises: TransientError, when a check was cut off and not by what it checked."""
        problems: list[str] = []
        with ExitStack() as opened:
            try:
                found, left = self._find(archives, problems, opened)
            except _EmptyError as empty:
                return Gathered(files=(), problems=empty.problems, empty=True)
            files = self._files(found, problems)
        if not problems:
            files = [self._check(file) for file in files]
        return Gathered(files=tuple(files), problems=tuple(problems), left_out=left)

    def _find(
        self, archives: Sequence[tuple[int | None, str, Path]], problems: list[str], opened: ExitStack
    ) -> tuple[list[_Found], tuple[LeftOut, ...]]:
        """The distributions in the archives, which stay open until `opened` ends, and what is left out of them."""
        all_files: list[_Found] = []
        contents: list[str] = []
        for job_id, job, path in archives:
            origin = self._line(job if job_id is None else f"job {job_id} ({job})")
            try:
                reader = ZipReader(opened.enter_context(path.open("rb")))
            except ArchiveError as error:
                problems.append(self._line(f"The artifacts of {origin} are refused: the archive {error}."))
                continue
            contents.append(f"{origin} {_contents(reader.members)}")
            all_files += _files(job_id, origin, reader)
        found = [item for item in all_files if item.distribution]
        if any(item.preferred for item in found):
            found = [item for item in found if item.preferred]
        left = self._left_out(all_files, found)
        if not found and not problems:
            held = "; ".join(contents) or "there was no archive"
            looks = [f"{sentences(left)}."] if left else []
            raise _EmptyError(self._line(f"No job made a wheel or an sdist: {held}."), *looks)
        if len(found) > MOST_FILES:
            problems.append(f"The jobs made {len(found):,} wheels and sdists; a release has at most {MOST_FILES}.")
            return [], left
        return found, left

    def _left_out(self, files: Sequence[_Found], found: Sequence[_Found]) -> tuple[LeftOut, ...]:
        """Of all `files` those that look like what is released, and are not among it."""
        taken = {item.filename for item in found}
        names = {item.said.name for item in found if item.said is not None}
        left = ((item, left_out(item.filename, item.folder, taken, names)) for item in files)
        return tuple(
            LeftOut(filename=self._line(item.filename), origin=item.origin, name=odd.name, why=odd.why)
            for item, odd in left
            if odd is not None
        )

    def _files(self, found: Sequence[_Found], problems: list[str]) -> list[Distribution]:
        """What was found, kept, each file name once."""
        files: dict[str, Distribution] = {}
        for item in found:
            try:
                distribution = self._take(item)
            except ArchiveError as error:
                problems.append(self._line(f"{item.filename} of {item.origin} is refused: it {error}."))
                continue
            first = files.setdefault(item.filename, distribution)
            if first.sha256 != distribution.sha256:
                both = f"{first.origin} and {distribution.origin}"
                problems.append(self._line(f"{item.filename} comes with different bytes from {both}."))
        return list(files.values())

    def _take(self, item: _Found) -> Distribution:
        """Read one distribution out of its archive, inspect it and keep it. Raises: ArchiveError."""
        if item.said is None or not _FILENAME.fullmatch(item.filename):
            raise ArchiveError("has a file name that no index takes")
        with self._kept.scratch() as copy, self._kept.scratch() as unpacked:
            for piece in item.reader.chunks(item.member):
                copy.write(piece)
            metadata = inspect(copy, unpacked, item.said)
            attestation = _attestation(item)
            sha256, size = self._kept.keep(copy, item.filename)
            if attestation is not None:
                self._kept.attest(sha256, item.filename, attestation)
        return Distribution(
            filename=item.filename,
            kind=item.said.kind,
            sha256=sha256,
            size=size,
            metadata=metadata,
            origin=item.origin,
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
        elif ended.late:
            problem = f"twine check --strict did not end within {self._patience.check:.0f} s"
        elif ended.ruined:
            cpu, memory = self._patience.cpu, self._patience.memory // MIB
            problem = f"twine check --strict took more than {cpu} s of processor time or {memory} MiB of memory"
        else:
            raise TransientError(what=f"twine check was cut off: {ended.why}", where=distribution.filename)
        return replace(distribution, problem=self._line(problem))


def _files(job_id: int | None, origin: str, reader: ZipReader) -> Iterator[_Found]:
    """What is a distribution by its name, or looks like one."""
    for member in reader.members:
        filename = member.name.rsplit("/", 1)[-1]
        said = parse_filename(filename)
        one = _Found(job_id=job_id, origin=origin, reader=reader, member=member, filename=filename, said=said)
        if one.distribution or lookalike(filename) is not None:
            yield one


def _attestation(item: _Found) -> bytes | None:
    """What the job put beside the file to say who made it, or None. Raises: ArchiveError, if that is no attestation."""
    wanted = f"{item.member.name}{ATTESTATION}"
    member = next((one for one in item.reader.members if one.name == wanted), None)
    if member is None:
        return None
    data = item.reader.read(member, most=LONGEST_ATTESTATION)
    try:
        said = json.loads(data)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise ArchiveError(f"comes with {show(wanted)}, which is no attestation")
    return data


def _contents(members: Sequence[Member]) -> str:
    if not members:
        return "left an empty archive"
    shown = ", ".join(member.name for member in members[:_FEW])
    more = f" and {len(members) - _FEW} more" if len(members) > _FEW else ""
    return f"left {shown}{more}"
