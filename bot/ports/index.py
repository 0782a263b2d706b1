"""What the loop needs to make, check, send and prove files."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from bot.domain.anatomy import Anatomy
from bot.domain.distributions import Distribution, IndexFile
from bot.domain.left_out import LeftOut
from bot.domain.policy import IndexSpec
from bot.domain.releases import AttemptOutcome
from bot.domain.secrets import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexPlace:
    """An index as one project sees it: the spec with its URLs filled in.

    `upload_url` takes twine's POST; `simple_url` is the root of the simple API (a name follows it); `page_url` is where
    a person sees the project's files (None where there is no such page). `immediate` says that a file accepted is
    listed at once (the GitLab registry), so that a missing one is missing.
    """

    spec: IndexSpec
    upload_url: str
    simple_url: str
    page_url: str | None
    immediate: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """How sending one file ended. A hint only: the index's own listing is the fact.

    `reason` is what the index or the transport said, redacted, one line; `again` is whether a later try may work;
    `retry_after` is in seconds, as the index asked.
    """

    outcome: AttemptOutcome
    reason: str = ""
    again: bool = True
    retry_after: float | None = None


class Index(Protocol):
    """Look at an index and send it files."""

    def place(self, spec: IndexSpec, project_id: int, name: str) -> IndexPlace:
        """Fill in the URLs of an index for one project and distribution name. Asks nobody."""

    def install_line(self, place: IndexPlace, name: str, version: str) -> str:
        """The line that installs it from there, for a person to paste; never with credentials. Asks nobody."""

    def files(self, place: IndexPlace, name: str, wanted: Collection[str]) -> tuple[IndexFile, ...]:
        """All files the index lists for a name; empty if it does not know the name.

        Where it shows no sha256 for a file of `wanted`, the bytes are read and hashed.

        Waits first until no orphaned upload to this index and name can be under way.
        Raises: TransientError, CredentialsError, RefusedError ("cannot look").
        """

    def send(self, place: IndexPlace, distribution: Distribution) -> Sent:
        """Send one kept file with twine, in a child with a deadline that dies with us."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who sends: `token` is its own. It holds the file `lock`, whose device and number are `inode`, as long as it may
    send; the kernel whose run is `boot` can tell.
    """

    token: str
    boot: str
    lock: str
    inode: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderWay:
    """A sending, and how much of its time is left."""

    sender: Sender
    left: timedelta


class Sendings(Protocol):
    """What processes on several machines must know of each other before one of them sends. Raises: TransientError."""

    def begin(self, place: str, sender: Sender, seconds: float) -> bool:
        """Say that `sender` may send to a place for so long from now; False, and nothing said, while another may.

        Raises: FencedError if the turn that sends became another's.
        """
        ...

    def end(self, place: str, token: str) -> None:
        """Say that this sender sends no more; nothing if it is not the one on record."""
        ...

    def under_way(self, place: str) -> UnderWay | None:
        """Who may be sending there now; None if nobody may."""
        ...


class Anatomist(Protocol):
    """Say what distributions hold, for a comparison. Every file is read in a child, within bounds."""

    def kept(self, distribution: Distribution) -> Anatomy:
        """Of a kept file. Raises: TransientError, RefusedError."""

    def published(self, place: IndexPlace, file: IndexFile) -> Anatomy:
        """Of a file on an index, whose bytes must be those it lists. Read once: it never changes.

        Raises: TransientError, CredentialsError, RefusedError.
        """


class Installer(Protocol):
    """Try whether what stands on an index can be installed from there."""

    def install(self, place: IndexPlace, file: IndexFile, name: str, version: str) -> Sent:
        """Download the wheel, whose bytes must be those that are listed, and let pip install it: offline, without its
        dependencies, into an environment that is gone afterwards.

        `REFUSED` means that it cannot be installed, `UNCLEAR` that nobody knows.
        """


class Minter(Protocol):
    """Trusted Publishing: an index's own token for what a CI job's ID token says."""

    def mint(self, place: IndexPlace, variable: str, id_token: Secret) -> Secret:
        """Exchange an ID token, which works once; `variable` is the job's variable that held it.

        Raises: TransientError, CredentialsError with what the index says.
        """


class Distributions(Protocol):
    """Turn artifact archives into kept, checked distributions."""

    def gather(self, archives: Sequence[tuple[int | None, str, Path]]) -> Gathered:
        """Read archives, keep what they hold, check it with twine.

        `archives` are (job id, job name, zip file), or (None, what made it, zip file) where no job did; the zip
        files are the caller's to delete.
        """

    def has(self, sha256: str) -> bool:
        """Whether the bytes of that digest are kept and intact."""

    def forget(self, sha256: str) -> None:
        """Drop kept bytes that nothing needs any more; unknown digests are ignored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """What the archives held. `problems` are sentences; any problem means that nothing may be published.

    `again` says that a job which runs again can mend them all; else only another commit can. `empty` says that the
    archives could be read, and held no wheel and no sdist: there is no other problem then. `aside` are the names of
    files that are of another package than the release is about. `left_out` is what looks like a distribution and is
    published nowhere; None where nobody looked again, since the files were kept.
    """

    files: tuple[Distribution, ...]
    problems: tuple[str, ...] = ()
    again: bool = False
    empty: bool = False
    aside: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] | None = ()
