"""Names inside archives: which ones no honest archive holds. Pure."""

from __future__ import annotations

import unicodedata

LONGEST_NAME = 1024  # characters; file systems stop at 255 a part, 4096 a path


class ArchiveError(Exception):
    """An archive is refused. `str()` is half a sentence that says what it holds or lacks."""


class Names:
    """Takes the members' names one by one and refuses what a careless reader could be tricked with."""

    def __init__(self) -> None:
        self._files: set[str] = set()
        self._folders: set[str] = set()

    def add(self, name: str, *, folder: bool) -> None:
        """Accept one name. Raises: ArchiveError."""
        path = name.removesuffix("/") if folder else name
        _check(path)
        parts = unicodedata.normalize("NFC", path).casefold().split("/")
        key = "/".join(parts)
        if key in self._files or (key in self._folders and not folder):
            raise ArchiveError(f"holds {show(name)} twice, or once in other letter case")
        for end in range(1, len(parts)):
            parent = "/".join(parts[:end])
            if parent in self._files:
                raise ArchiveError(f"holds {show(name)} below a file")
            self._folders.add(parent)
        (self._folders if folder else self._files).add(key)


def show(name: str) -> str:
    """A foreign name as it may stand in a sentence."""
    return repr(name if len(name) <= 80 else name[:77] + "...")


def _check(path: str) -> None:
    if not path or len(path) > LONGEST_NAME:
        raise ArchiveError("holds a member without a name, or with one too long")
    if any(unicodedata.category(c) in ("Cc", "Cs") for c in path):
        raise ArchiveError(f"holds {show(path)}, a name with control characters")
    if path.startswith("/") or "\\" in path or path[1:2] == ":":
        raise ArchiveError(f"holds {show(path)}, a name that is absolute or not portable")
    if any(part in ("", ".", "..") for part in path.split("/")):
        raise ArchiveError(f"holds {show(path)}, a name that leads out of its place")
