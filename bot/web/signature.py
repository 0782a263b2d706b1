"""Whether a webhook comes from who knows the secret, found out while its body arrives.

Source: GitLab, doc/user/project/integrations/webhooks.md and https://www.standardwebhooks.com: HMAC-SHA256 over
`webhook-id.webhook-timestamp.body`, the key is the base64 after `whsec_`, the header may hold several signatures.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from bot.domain.webhooks import SIGNING_PREFIX, signing_key

VERSION = "v1"
WINDOW = timedelta(seconds=300)
LONGEST_STAMP = 11  # digits of a time in seconds until the year 5138


class TokenCheck:
    """A secret that GitLab sends as it is, in `X-Gitlab-Token`. When it was sent it does not say."""

    sent: datetime | None = None

    def __init__(self, secret: str, headers: Mapping[str, str]) -> None:
        given = headers.get("x-gitlab-token", "")
        self._good = hmac.compare_digest(given.encode(), secret.encode())

    def update(self, chunk: bytes) -> None:
        """The body proves nothing here."""

    def passes(self) -> bool:
        """Whether the token was the secret."""
        return self._good


class SignatureCheck:
    """A signing token. Nothing else counts then: a bad signature has no second chance.

    `sent` is when GitLab signed it, by GitLab's clock; worth something once it `passes`.
    """

    def __init__(self, key: bytes, headers: Mapping[str, str], now: datetime) -> None:
        delivery, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
        self.sent = _moment(stamp)
        self._timely = bool(delivery) and self.sent is not None and abs(self.sent - now) <= WINDOW
        self._given = headers.get("webhook-signature", "").split(" ")
        # Header values are bytes that the server decoded as Latin-1.
        self._hmac = hmac.new(key, f"{delivery}.{stamp}.".encode("latin-1", "replace"), hashlib.sha256)

    def update(self, chunk: bytes) -> None:
        """The next piece of the body."""
        self._hmac.update(chunk)

    def passes(self) -> bool:
        """Whether one of the signatures is right, and the time stamp (by GitLab's clock) within five minutes."""
        expected = f"{VERSION},{base64.b64encode(self._hmac.digest()).decode()}".encode()
        found = [hmac.compare_digest(given.encode(), expected) for given in self._given]
        return self._timely and any(found)


def check(secret: str, headers: Mapping[str, str], now: datetime) -> TokenCheck | SignatureCheck | None:
    """What proves a request authentic under this secret; None if the secret is an unusable signing token.

    `now` is GitLab's clock, which stamped the request. Header names are lower case, or the mapping ignores case.
    """
    if not secret.startswith(SIGNING_PREFIX):
        return TokenCheck(secret, headers)
    key = signing_key(secret)
    return None if key is None else SignatureCheck(key, headers, now)


def _moment(stamp: str) -> datetime | None:
    if not (stamp.isascii() and stamp.isdecimal()) or len(stamp) > LONGEST_STAMP:
        return None
    return datetime.fromtimestamp(int(stamp), UTC)
