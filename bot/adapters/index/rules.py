"""What PyPI means by some of its refusals, and the way out.

Explains only: whether an upload was refused, and whether another try may work, is decided by the status alone.
Source: pypi/warehouse, warehouse/forklift/legacy.py and warehouse/attestations; the 14 days since July 2026.
"""

from __future__ import annotations

from dataclasses import replace

from bot.domain.policy import IndexKind
from bot.domain.releases import AttemptOutcome
from bot.ports.index import Sent

_WAREHOUSE = (IndexKind.PYPI, IndexKind.TESTPYPI)
_NEW_VERSION = "release a new version"
# What it says, in lower case, and what that means.
_RULES = (
    (
        "filename has already been used",
        f"It never takes a file name twice, not even that of a deleted file: {_NEW_VERSION}",
    ),
    ("file already exists", f"Other bytes stand there under that name: {_NEW_VERSION}"),
    ("days is not allowed", f"It closes a version some time after its first file: {_NEW_VERSION}"),
    ("only one sdist may be uploaded", f"A version has one sdist there for ever: {_NEW_VERSION}"),
    (
        "attestations are only supported",
        "It takes attestations from Trusted Publishing alone: leave `attestations` out of this index, or let the "
        "project's own pipeline upload (source: pipeline)",
    ),
    ("too similar to an existing project", "The name is for PyPI's administrators to allow: choose another"),
    ("file too large", "Ask PyPI for a larger limit of this project, or make the file smaller"),
    ("project size too large", "Ask PyPI for more room for this project, or delete old files there"),
)


def explained(kind: IndexKind, sent: Sent) -> Sent:
    """The refusal with its meaning, where the index is PyPI or TestPyPI and the rule is known; else as it is."""
    if kind not in _WAREHOUSE or sent.outcome is not AttemptOutcome.REFUSED:
        return sent
    said = sent.reason.lower()
    meaning = next((meaning for words, meaning in _RULES if words in said), None)
    return sent if meaning is None else replace(sent, reason=f"{sent.reason.rstrip('. ')}. {meaning}")
