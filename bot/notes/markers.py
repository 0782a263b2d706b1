"""Hidden markers by which the bot finds its own notes and its own part of a description again.

A marker names no secret and nothing foreign; its MAC binds it to one place, so that a marker copied elsewhere or made
up by somebody proves nothing. What identifies a place never changes while the place exists: the project's id (projects
are renamed and moved), the merge request's iid, the topic, and the kind and name of the ref. The commit is left out: a
tag set again is told in the same note.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from dataclasses import dataclass

from bot.domain.errors import ConfigError
from bot.domain.refs import RefKind

# Hex digits of the MAC kept: 128 bits.
MAC_LENGTH = 32
# Bytes; HMAC takes any key, but one that can be guessed lets anyone who posts as us be believed.
SHORTEST_KEY = 16
_KEY_LABEL = b"ropewalk marker key v1"
RELEASE_TOPIC = "release"
REPLY_TOPIC = "reply"
END_OF_DESCRIPTION = "<!-- ropewalk: end release -->"

_NOTE = re.compile(r"^<!-- ropewalk: note v1 (?P<topic>[a-z0-9]+) (?P<mac>[0-9a-f]{32}) -->[ \r]*$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefPlace:
    """A ref of one project, whatever the project is called today."""

    project_id: int
    kind: RefKind
    ref: str


def derived_key(token: str, url: str) -> str:
    """The marker key where none is configured: 64 hex digits that follow from the bot's token and GitLab's address.

    A bot whose state was lost, or a second one, finds the same notes again. The key tells nothing of the token: it is a
    one-way derivation under a label of its own. Source: RFC 5869 (HKDF-SHA256), one block.
    """
    extracted = hmac.new(_KEY_LABEL, token.encode(errors="surrogateescape"), hashlib.sha256).digest()
    return hmac.new(extracted, url.rstrip("/").encode() + b"\x01", hashlib.sha256).hexdigest()


def key_mark(key: bytes) -> str:
    """By which a state knows a marker key again without holding it: 64 hex digits."""
    return hashlib.sha256(b"ropewalk marker key\0" + key).hexdigest()


class Markers:
    """Makes and recognises markers with one key."""

    def __init__(self, key: bytes) -> None:
        """Raises: ConfigError if `key` is shorter than 16 bytes."""
        if len(key) < SHORTEST_KEY:
            raise ConfigError(
                what=f"the marker key has {len(key)} bytes",
                where="gitlab.marker_key_env",
                remedy=f"Use at least {SHORTEST_KEY} random ones.",
            )
        self._key = key

    def note(self, place: RefPlace, iid: int, topic: str = RELEASE_TOPIC) -> str:
        """The marker of the one note about `topic` and that ref on merge request `iid`."""
        return f"<!-- ropewalk: note v1 {topic} {self._mac('note', place, topic, iid)} -->"

    def is_note(self, body: str, place: RefPlace, iid: int, topic: str = RELEASE_TOPIC) -> bool:
        """Whether a line of `body` is that marker. Who wrote the body is for the caller to check."""
        return self._among(body, topic, self._mac("note", place, topic, iid))

    def issue_note(self, place: RefPlace, iid: int) -> str:
        """The marker of the one note about that ref on issue `iid`."""
        return f"<!-- ropewalk: note v1 issue {self._mac('issue note', place, iid)} -->"

    def is_issue_note(self, body: str, place: RefPlace, iid: int) -> bool:
        """Whether a line of `body` is that marker."""
        return self._among(body, "issue", self._mac("issue note", place, iid))

    def reply(self, place: RefPlace, iid: int, outcome: str) -> str:
        """The marker of the one reply that calls people to an outcome of that ref's release."""
        return f"<!-- ropewalk: note v1 {REPLY_TOPIC} {self._mac('reply', place, iid, outcome)} -->"

    def is_reply(self, body: str, place: RefPlace, iid: int, outcome: str) -> bool:
        """Whether a line of `body` is that marker."""
        return self._among(body, REPLY_TOPIC, self._mac("reply", place, iid, outcome))

    def failure_issue(self, project_id: int) -> str:
        """The first line of the description of a project's issue about releases that stopped."""
        return f"<!-- ropewalk: failures v1 {self._sign('failures', project_id)} -->"

    def failure(self, project_id: int, *words: str) -> str:
        """The marker that begins an entry of that issue; `words` are digests and a version."""
        return f"<!-- ropewalk: failure v1 {' '.join(words)} {self._sign('failure', project_id, *words)} -->"

    def is_failure(self, mac: str, project_id: int, *words: str) -> bool:
        """Whether an entry's marker is ours."""
        return hmac.compare_digest(mac, self._sign("failure", project_id, *words))

    def description(self, place: RefPlace) -> str:
        """The line that begins our part of the GitLab Release's description."""
        return f"<!-- ropewalk: begin release v1 {self._mac('description', place)} -->"

    def _among(self, body: str, topic: str, wanted: str) -> bool:
        return any(
            found["topic"] == topic and hmac.compare_digest(found["mac"], wanted) for found in _NOTE.finditer(body)
        )

    def _mac(self, what: str, place: RefPlace, *more: str | int) -> str:
        return self._sign(what, place.project_id, place.kind.value, place.ref, *more)

    def _sign(self, what: str, *words: str | int) -> str:
        # JSON, because joined strings could be cut in two ways.
        message = json.dumps(["ropewalk", what, 1, *words])
        return hmac.new(self._key, message.encode(), hashlib.sha256).hexdigest()[:MAC_LENGTH]
