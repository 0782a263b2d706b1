"""The bytes of distributions, kept under their sha256 until nothing needs them: `DIR/ab/abcdef…/FILENAME`.

The real file name stays, since twine reads it; the digest is the folder, so equal bytes are one file.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
import time
from pathlib import Path
from typing import IO

ATTESTATION = ".publish.attestation"  # Source: PEP 740 and `pypi-attestations sign`
_DIGEST = re.compile(r"[0-9a-f]{64}")
_CHUNK = 1 << 20
_STALE = 86_400.0  # seconds; no file takes that long to be copied


class KeptFiles:
    """A folder of kept files, which is made if it is missing. Safe to use from several threads and processes."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._incoming = directory / "incoming"
        self._incoming.mkdir(parents=True, exist_ok=True, mode=0o700)
        _sweep(self._incoming)

    def path(self, sha256: str, filename: str) -> Path:
        """Where a file is kept, or would be. Raises: ValueError, unless both are plain names."""
        if not _DIGEST.fullmatch(sha256) or "/" in filename or filename in ("", ".", ".."):
            raise ValueError("not a digest and a file name")
        return self._directory / sha256[:2] / sha256 / filename

    @property
    def incoming(self) -> Path:
        """The folder for files that are still being looked at, on the same file system."""
        return self._incoming

    def scratch(self) -> IO[bytes]:
        """A nameless file on the same file system, for bytes that are still being looked at."""
        return tempfile.TemporaryFile(dir=self._incoming)

    def keep(self, source: IO[bytes], filename: str) -> tuple[str, int]:
        """Copy a file in, durably, and give its sha256 and size. Keeping it again changes nothing."""
        source.seek(0)
        digest, size = hashlib.sha256(), 0
        descriptor, name = tempfile.mkstemp(dir=self._incoming)
        written = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as target:
                while chunk := source.read(_CHUNK):
                    digest.update(chunk)
                    size += len(chunk)
                    target.write(chunk)
                target.flush()
                os.fchmod(target.fileno(), 0o400)
                os.fsync(target.fileno())
            path = self.path(digest.hexdigest(), filename)
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            written.replace(path)
        finally:
            written.unlink(missing_ok=True)
        for folder in (path.parent, path.parent.parent, self._directory):
            _sync(folder)
        return digest.hexdigest(), size

    def attest(self, sha256: str, filename: str, attestation: bytes) -> None:
        """Keep what a job says of a kept file, as `FILENAME.publish.attestation`; what was said before is replaced."""
        path = self._attestation(sha256, filename)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor, name = tempfile.mkstemp(dir=self._incoming)
        with os.fdopen(descriptor, "wb") as file:
            file.write(attestation)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
        _sync(path.parent)

    def attestation(self, sha256: str, filename: str) -> Path | None:
        """What a job said of a kept file, if it said anything."""
        path = self._attestation(sha256, filename)
        return path if path.is_file() else None

    def _attestation(self, sha256: str, filename: str) -> Path:
        folder = self.path(sha256, filename).parent
        return self._directory / "attestations" / folder.name / f"{filename}{ATTESTATION}"

    def has(self, sha256: str) -> bool:
        """Whether a file of that digest is kept and its bytes still hash to it."""
        if not _DIGEST.fullmatch(sha256):
            return False
        try:
            files = list((self._directory / sha256[:2] / sha256).iterdir())
            return bool(files) and all(_hash(path) == sha256 for path in files)
        except OSError:
            return False

    def forget(self, sha256: str) -> None:
        """Drop the bytes of that digest; unknown ones are ignored."""
        if _DIGEST.fullmatch(sha256):
            for folder in (self._directory / sha256[:2], self._directory / "attestations"):
                shutil.rmtree(folder / sha256, ignore_errors=True)


def _sweep(folder: Path) -> None:
    """Drop what a killed process left behind; younger files may be another's work in progress."""
    for path in folder.iterdir():
        try:
            if time.time() - path.lstat().st_mtime <= _STALE:
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()
        except FileNotFoundError:
            continue


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
