"""Hidden markers of what the audit posts; see `bot.notes.markers` for what a marker is good for."""

from __future__ import annotations

import hashlib
import hmac
import json
import re

from bot.notes.markers import MAC_LENGTH, Markers

TOPIC = "hygiene"

_ISSUE = re.compile(r"^<!-- ropewalk: issue v1 hygiene (?P<mac>[0-9a-f]{32}) -->[ \r]*$", re.MULTILINE)
_NOTE = re.compile(r"^<!-- ropewalk: note v1 hygiene (?P<mac>[0-9a-f]{32}) -->[ \r]*$", re.MULTILINE)


class HygieneMarkers:
    """Makes and recognises markers with the key of all markers."""

    def __init__(self, key: bytes) -> None:
        """Raises: ConfigError if `key` is too short."""
        Markers(key)
        self._key = key

    def issue(self, key: str) -> str:
        """The marker of the rolling issue about a place (`project/123`, `group/acme`)."""
        return f"<!-- ropewalk: issue v1 {TOPIC} {self.issue_mac(key)} -->"

    def issue_mac(self, key: str) -> str:
        """What tells that marker from all others: 32 hex digits."""
        return self._signed("issue", key)

    def note(self, project_id: int, iid: int) -> str:
        """The marker of the one note about what merge request `iid` changes."""
        return f"<!-- ropewalk: note v1 {TOPIC} {self._signed('change', project_id, iid)} -->"

    def is_note(self, body: str, project_id: int, iid: int) -> bool:
        """Whether a line of `body` is that marker. Who wrote the body is for the caller to check."""
        wanted = self._signed("change", project_id, iid)
        return any(hmac.compare_digest(found["mac"], wanted) for found in _NOTE.finditer(body))

    def _signed(self, *words: str | int) -> str:
        message = json.dumps(["ropewalk", TOPIC, 1, *words])
        return hmac.new(self._key, message.encode(), hashlib.sha256).hexdigest()[:MAC_LENGTH]


def issue_macs(body: str) -> frozenset[str]:
    """What the issue markers in a description claim; only the owner of the key can tell whether rightly."""
    return frozenset(found["mac"] for found in _ISSUE.finditer(body))
