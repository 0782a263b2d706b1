"""What the daemon and a child say to each other: frozen data, as JSON, over one socket.

JSON and not pickle, because a child reads hostile bytes: whatever becomes of it, it can hand back only these shapes.
"""

from __future__ import annotations

import socket
import struct
import time
from dataclasses import dataclass, field
from functools import cache
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, TypeAdapter

LONGEST_MESSAGE = 64 * 1024 * 1024  # bytes; a listing of 16 MiB stays below it
_LENGTH = struct.Struct("!I")


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How a child reaches an index: credentials, CA file, proxy, and its patience in seconds."""

    username: str | None
    password: str | None = field(repr=False)
    ca_file: str | None
    proxy: str | None
    connect: float
    silence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadJob:
    """Send one file. `path` ends in the distribution's file name; `sha256` is what its bytes must hash to.

    `attestation` is the path of what goes along, empty for nothing. `until` is when the child must be gone, in seconds
    of the machine's monotonic clock; 0: whenever the daemon says so.
    """

    url: str
    path: str
    sha256: str
    access: Access
    attestation: str = ""
    until: float = 0.0
    job: Literal["upload"] = "upload"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckJob:
    """Run `twine check --strict` on one file, within bytes of memory and seconds of processor time."""

    path: str
    memory: int
    cpu: int
    job: Literal["check"] = "check"


@dataclass(frozen=True, slots=True, kw_only=True)
class LookJob:
    """Read one page of the simple API.

    `follow` allows redirects within the origin; `wanted` names the files whose bytes are read if the page shows no
    sha256 for them.
    """

    url: str
    name: str
    follow: bool
    access: Access
    wanted: tuple[str, ...]
    memory: int
    cpu: int
    job: Literal["look"] = "look"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """One published file to download: from `url`, at most `most` bytes, which must hash to `sha256`.

    `home` is the index's own address: its credentials are for that origin alone. With `storage` it is GitLab, which may
    send on to an object storage in its own, private network.
    """

    url: str
    home: str
    sha256: str
    most: int
    access: Access
    storage: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DissectJob:
    """Read what one distribution holds: the kept file at `path`, or without one what `fetch` brings.

    `filename` says what it is, `scratch` is the folder for nameless files.
    """

    filename: str
    path: str
    scratch: str
    memory: int
    cpu: int
    fetch: Fetch | None
    job: Literal["dissect"] = "dissect"


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallJob:
    """Download a wheel and install it into a fresh environment below `scratch`."""

    filename: str
    name: str
    version: str
    scratch: str
    fetch: Fetch
    job: Literal["install"] = "install"


@dataclass(frozen=True, slots=True, kw_only=True)
class MintJob:
    """Exchange a CI job's ID token for a token of the index at `url`, which twine's own code does.

    `variable` is where twine looks for the ID token.
    """

    url: str
    variable: str
    id_token: str = field(repr=False)
    access: Access
    job: Literal["mint"] = "mint"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The index answered an upload. `body` holds its first bytes as text, `html` says that they are a web page."""

    status: int
    reason: str
    body: str
    html: bool
    retry_after: str | None
    location: str | None
    kind: Literal["answered"] = "answered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """No answer came. `fault` is `transport` (time-out, reset, no route), `tls`, or `file` (nothing was sent)."""

    fault: Literal["transport", "tls", "file"]
    what: str
    kind: Literal["unanswered"] = "unanswered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What twine objects to; empty when it does not."""

    complaint: str
    kind: Literal["checked"] = "checked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One file as the index lists it. `key` names the bytes by URL and another digest; None without one."""

    filename: str
    url: str
    sha256: str | None
    key: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The files of one name; empty when the index does not know it."""

    files: tuple[Listed, ...]
    requests: int
    kind: Literal["listing"] = "listing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dissected:
    """What a distribution holds. See bot.domain.anatomy.Anatomy; `requests` is how many the download took."""

    size: int
    files: tuple[str, ...]
    top_levels: tuple[str, ...]
    requires: tuple[str, ...]
    requires_python: str
    entry_points: tuple[str, ...]
    license: str
    requests: int
    kind: Literal["dissected"] = "dissected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """How an install check ended: what pip objects to, empty when it does not; `requests` are the download's."""

    complaint: str
    requests: int
    kind: Literal["installed"] = "installed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Minted:
    """What uploads for a quarter of an hour."""

    token: str = field(repr=False)
    kind: Literal["minted"] = "minted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unminted:
    """No token. `transient` says that the index could not be reached; else `what` is why it, or twine, refuses."""

    what: str
    transient: bool
    kind: Literal["unminted"] = "unminted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """The page could not be read. `fault` says which error the daemon raises; `retry_after` is in seconds."""

    fault: Literal["transient", "credentials", "refused"]
    what: str
    requests: int
    remedy: str = ""
    status: int | None = None
    retry_after: float | None = None
    kind: Literal["unreadable"] = "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """The child met a fault of ours. `where` is the exception's type and the line, never its text."""

    where: str
    kind: Literal["broken"] = "broken"


Job: TypeAlias = UploadJob | CheckJob | LookJob | DissectJob | InstallJob | MintJob
Reply: TypeAlias = (
    Answered | Unanswered | Checked | Listing | Dissected | Installed | Minted | Unminted | Unreadable | Broken
)


@cache  # made when needed: most commands start no child
def jobs() -> TypeAdapter[Job]:
    """To and from the JSON of a job."""
    return TypeAdapter(Annotated[Job, Field(discriminator="job")])


@cache
def replies() -> TypeAdapter[Reply]:
    """To and from the JSON of a reply."""
    return TypeAdapter(Annotated[Reply, Field(discriminator="kind")])


def write_message(sock: socket.socket, data: bytes) -> None:
    """Send one message, its length first."""
    sock.sendall(_LENGTH.pack(len(data)) + data)


def read_message(sock: socket.socket, end: float | None = None) -> bytes | None:
    """Read one message; None when the other side closed before it was whole.

    `end` is the monotonic time by which it must be whole. Raises: ValueError, for a length no honest side sends;
    TimeoutError.
    """
    head = _exactly(sock, _LENGTH.size, end)
    if head is None:
        return None
    (length,) = _LENGTH.unpack(head)
    if length > LONGEST_MESSAGE:
        raise ValueError(f"a message of {length} bytes")
    return _exactly(sock, length, end)


def _exactly(sock: socket.socket, count: int, end: float | None) -> bytes | None:
    got = bytearray()
    while len(got) < count:
        if end is not None:
            sock.settimeout(max(end - time.monotonic(), 0.001))
        piece = sock.recv(min(count - len(got), 1 << 20))
        if not piece:
            return None
        got += piece
    return bytes(got)
