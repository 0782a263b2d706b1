"""Who is in: sessions in the memory of this process, with the tokens that GitLab gave for them. Nothing is written.

A restart, and another replica, know nobody: people sign in anew.
"""

from __future__ import annotations

import secrets
import threading
from collections import deque
from collections.abc import Callable, Sequence
from hashlib import sha256

from bot.domain.errors import CredentialsError
from bot.domain.sign_in import GitLabUser, Tokens
from bot.ports.sign_in import PersonsView, Provider

IDLE = 3600.0  # seconds without a request
ABSOLUTE = 8 * 3600.0  # a working day
FRESH = 60.0  # how long an answer about what somebody sees may be used again
EARLY = 120.0  # how long before a token ends it is renewed
MOST = 10_000
MOST_OF_PERSON = 10
MOST_KNOWN = 50_000  # projects of one session
_NEVER = (False, float("-inf"))
PRESSES, WINDOW = 30, 600.0  # presses of one person within so many seconds


class Known:
    """What was answered of late about projects: yes or no. Safe to share between threads."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[bool, float]] = {}

    def remember(self, asked: Sequence[int], seen: frozenset[int], now: float) -> None:
        """Keep an answer for a minute."""
        if len(self._known) + len(asked) > MOST_KNOWN:
            self._known = {}
        self._known |= {one: (one in seen, now) for one in asked}

    def recall(self, asked: Sequence[int], now: float) -> tuple[set[int], list[int]]:
        """Those seen by what was answered within the last minute, and those of which nothing was."""
        seen: set[int] = set()
        unknown: list[int] = []
        for one in asked:
            sees, at = self._known.get(one, _NEVER)
            if now - at >= FRESH:
                unknown.append(one)
            elif sees:
                seen.add(one)
        return seen, unknown


class Session:
    """One signed-in browser. Safe to share between threads."""

    def __init__(self, user: GitLabUser, tokens: Tokens, now: float) -> None:
        self.user = user
        self.csrf = secrets.token_urlsafe(32)
        self.tokens = tokens
        self.born = self.seen = now
        self.renew_at = now + tokens.lasts.total_seconds() - EARLY
        self.renewing = threading.Lock()
        self.sees, self.inside = Known(), Known()

    def __repr__(self) -> str:
        return f"Session({self.user.username})"

    def over(self, now: float) -> bool:
        """Whether it counts no more."""
        return now - self.seen > IDLE or now - self.born > ABSOLUTE

    def renewed(self, provider: Provider, now: float) -> Tokens:
        """Tokens that open something, renewed if they are about to end. Raises: TransientError, CredentialsError."""
        with self.renewing:
            if now >= self.renew_at:
                self.tokens = provider.renewed(self.tokens)
                self.renew_at = now + self.tokens.lasts.total_seconds() - EARLY
            return self.tokens


class Sessions:
    """All of them, by the digest of their cookie."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self._lock = threading.Lock()
        self._by_digest: dict[bytes, Session] = {}
        self._presses: dict[int, deque[float]] = {}

    def open(self, user: GitLabUser, tokens: Tokens) -> tuple[str, list[Session]]:
        """The cookie of a new session, and sessions that had to go for it: the same person's oldest, or the oldest.

        Those whose time is over are forgotten with their tokens, which end by themselves.
        """
        cookie, now = secrets.token_urlsafe(32), self.clock()
        with self._lock:
            self._forget(now)
            ours = [key for key, one in self._by_digest.items() if one.user.user_id == user.user_id]
            gone = [self._by_digest.pop(key) for key in ours[: max(0, len(ours) + 1 - MOST_OF_PERSON)]]
            while len(self._by_digest) >= MOST:
                gone.append(self._by_digest.pop(next(iter(self._by_digest))))
            self._by_digest[_digest(cookie)] = Session(user, tokens, now)
        return cookie, gone

    def find(self, cookie: str | None, *, touch: bool = True) -> Session | None:
        """The session of a cookie, which is seen by this unless it is not to `touch` it; None if none counts."""
        if cookie is None:
            return None
        now = self.clock()
        with self._lock:
            found = self._by_digest.get(_digest(cookie))
            if found is None or found.over(now):
                return None
            found.seen = now if touch else found.seen
        return found

    def close(self, session: Session) -> None:
        """It counts no more."""
        with self._lock:
            self._by_digest = {key: one for key, one in self._by_digest.items() if one is not session}

    def press(self, user_id: int) -> bool:
        """Count a press of somebody; False if there were too many of late."""
        now = self.clock()
        with self._lock:
            made = self._presses.setdefault(user_id, deque(maxlen=PRESSES))
            if len(made) == PRESSES and now - made[0] < WINDOW:
                return False
            made.append(now)
            return True

    def __len__(self) -> int:
        return len(self._by_digest)

    def _forget(self, now: float) -> None:
        self._by_digest = {key: one for key, one in self._by_digest.items() if not one.over(now)}
        self._presses = {who: made for who, made in self._presses.items() if now - made[-1] < WINDOW}


class PersonalViews:
    """GitLab as the person of a session sees it. Whoever GitLab does not let in any more is out here, too."""

    def __init__(self, sessions: Sessions, provider: Provider, view: Callable[[Tokens], PersonsView]) -> None:
        self._sessions = sessions
        self._provider = provider
        self._view = view

    def of(self, session: Session) -> PersonsView:
        """With a token that is good. Raises: TransientError, CredentialsError (then the session is over)."""
        try:
            return self._view(session.renewed(self._provider, self._sessions.clock()))
        except CredentialsError:
            self._sessions.close(session)
            raise

    def visible(self, session: Session, project_ids: Sequence[int]) -> frozenset[int]:
        """Those that they see, as asked within the last minute. Nothing for whoever is out; raises: TransientError."""
        return self._asked(session, session.sees, project_ids, lambda view, some: view.visible(some))

    def insiders(self, session: Session, project_ids: Sequence[int]) -> frozenset[int]:
        """Those in which they are Reporter at least, as `visible`."""
        user_id = session.user.user_id
        return self._asked(session, session.inside, project_ids, lambda view, some: view.insiders_of(some, user_id))

    def _asked(
        self,
        session: Session,
        known: Known,
        project_ids: Sequence[int],
        ask: Callable[[PersonsView, Sequence[int]], frozenset[int]],
    ) -> frozenset[int]:
        now = self._sessions.clock()
        seen, unknown = known.recall(project_ids, now)
        if unknown:
            try:
                found = ask(self.of(session), unknown)
            except CredentialsError:
                self._sessions.close(session)
                return frozenset()
            known.remember(unknown, found, now)
            seen.update(found.intersection(unknown))
        return frozenset(seen)


def _digest(word: str) -> bytes:
    return sha256(word.encode("utf-8", "surrogatepass")).digest()
