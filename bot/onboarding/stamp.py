"""By what the bot knows its own again: a stamp in a file, a trailer in a commit, a marker in a merge request.

None is a secret or a proof against people who mean ill; each says that nobody changed what we wrote by accident, and
all that follows from one is a proposal that people read before they merge it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping

MARKER = "<!-- ropewalk: ci init v1 -->"
_TRAILER = "Ropewalk-Files"
_HEAD = "# Written by `ropewalk ci init`; as long as nobody changes it, a later run may propose a newer text.\n"
_STAMPED = re.compile(re.escape(_HEAD) + r"# Digest: ([0-9a-f]{32})\n(.*)", re.DOTALL)


def stamped(text: str) -> str:
    """The text of a file with the stamp above it."""
    return f"{_HEAD}# Digest: {_digest(text)}\n{text}"


def unchanged(text: str | None) -> bool:
    """Whether the file has our stamp, and the text is the one it was made for."""
    found = None if text is None else _STAMPED.fullmatch(text)
    return found is not None and found[1] == _digest(found[2])


def commit_message(subject: str, files: Mapping[str, str]) -> str:
    """The message of a commit after which these files stand in the branch."""
    return f"{subject}\n\n{_TRAILER}: {_of_files(files)}\n"


def is_our_commit(message: str, files: Mapping[str, str]) -> bool:
    """Whether the message is of a commit of ours, and the files are as we left them."""
    return message.rstrip().endswith(f"\n{_TRAILER}: {_of_files(files)}")


def _of_files(files: Mapping[str, str]) -> str:
    return _digest(json.dumps(sorted(files.items())))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
