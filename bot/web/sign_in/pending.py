"""Sign-ins that are on their way through GitLab: what the state of each stands for, once, and for ten minutes."""

from __future__ import annotations

import hmac
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256

from bot.domain.secrets import Secret

LIFETIME = 600.0  # seconds; as long as GitLab's codes
MOST = 10_000
"""All together: whoever floods us makes the oldest ones begin anew."""
MOST_OF_BROWSER = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """What we keep to ourselves until the browser comes back. `browser` is the digest of its cookie."""

    browser: bytes
    verifier: Secret = field(repr=False)
    next: str
    until: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """What a browser is sent away with: the state for the address, the cookie, and the verifier of its challenge."""

    state: str
    cookie: str
    verifier: Secret


class PendingSignIns:
    """Kept in memory. Safe to share between threads; `clock` gives seconds that only go forward."""

    def __init__(self, clock: Callable[[], float], most: int = MOST) -> None:
        self._clock = clock
        self._most = most
        self._lock = threading.Lock()
        self._by_state: dict[bytes, Pending] = {}

    def begin(self, cookie: str | None, next_: str) -> Begun:
        """A new one. A browser that has others on their way (by its cookie) keeps its cookie; all others get a new one.

        So nobody can give a browser a cookie of theirs beforehand.
        """
        state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
        with self._lock:
            self._forget()
            ours = [key for key, one in self._by_state.items() if cookie and one.browser == _digest(cookie)]
            if cookie is None or not ours:
                cookie = secrets.token_urlsafe(32)
            for key in ours[: max(0, len(ours) + 1 - MOST_OF_BROWSER)]:
                del self._by_state[key]
            while len(self._by_state) >= self._most:
                del self._by_state[next(iter(self._by_state))]
            self._by_state[_digest(state)] = Pending(
                browser=_digest(cookie), verifier=Secret(verifier), next=next_, until=self._clock() + LIFETIME
            )
        return Begun(state=state, cookie=cookie, verifier=Secret(verifier))

    def end(self, state: str, cookie: str | None) -> Pending | None:
        """What a state stands for, if it comes from the browser that it was given to, in time. It counts no more."""
        with self._lock:
            self._forget()
            found = self._by_state.pop(_digest(state), None)
        if found is None or cookie is None or not hmac.compare_digest(found.browser, _digest(cookie)):
            return None
        return found

    def waits(self, cookie: str | None) -> bool:
        """Whether a browser has others on their way."""
        with self._lock:
            return cookie is not None and any(one.browser == _digest(cookie) for one in self._by_state.values())

    def __len__(self) -> int:
        return len(self._by_state)

    def _forget(self) -> None:
        """The oldest come first."""
        now = self._clock()
        while self._by_state:
            key = next(iter(self._by_state))
            if self._by_state[key].until > now:
                return
            del self._by_state[key]


def _digest(word: str) -> bytes:
    """What is compared and kept instead of a word, so that no comparison tells how much of it was right."""
    return sha256(word.encode("utf-8", "surrogatepass")).digest()
