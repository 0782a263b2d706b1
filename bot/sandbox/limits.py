"""Rate limits as settings of the world: both layers of GitLab, each with its own counters.

*Throttles* are Rack::Attack's: counted before the request is looked at. *Application limits* are counted by the
endpoints. Both count in fixed windows of the world's clock, so moving the clock opens the next window.
Source: lib/gitlab/rack_attack.rb, lib/gitlab/application_rate_limiter.rb, doc/user/gitlab_com/_index.md.
"""

import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime

MINUTE, TEN_MINUTES, HOUR = 60, 600, 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """At most `requests` in each window of `seconds`."""

    requests: int
    seconds: int


THROTTLES = (
    "throttle_authenticated_api",
    "throttle_unauthenticated_api",
    "throttle_authenticated_packages_api",
    "throttle_unauthenticated_packages_api",
    "throttle_authenticated_files_api",
    "throttle_unauthenticated_files_api",
    "throttle_authenticated_web",
    "throttle_unauthenticated_web",
)

WINDOWS: Mapping[str, int] = {
    "notes_create": MINUTE,
    "pipelines_create": MINUTE,
    "jobs_index": MINUTE,
    "project_api": MINUTE,
    "projects_api": TEN_MINUTES,
    "projects_api_rate_limit_unauthenticated": TEN_MINUTES,
    "group_api": MINUTE,
    "groups_api": MINUTE,
    "group_projects_api": MINUTE,
    "project_members_api": MINUTE,
    "members_delete": MINUTE,
    "issues_create": MINUTE,
    "users_get_by_id": TEN_MINUTES,
    "project_repositories_archive": MINUTE,
    "project_repositories_changelog": MINUTE,
    "web_hook_calls": MINUTE,
    "web_hook_event_resend": MINUTE,
    "web_hook_test": MINUTE,
}
"""Every application limit the sandbox knows and its window in seconds."""

FIXED = {
    "web_hook_event_resend": 5,
    "web_hook_test": 5,
    "project_repositories_archive": 5,
    "project_repositories_changelog": 5,
}
"""In force in every profile: nobody can configure them."""

_SELF_MANAGED = FIXED | {
    "notes_create": 300,
    "jobs_index": 600,
    "project_api": 400,
    "projects_api": 2000,
    "projects_api_rate_limit_unauthenticated": 400,
    "group_api": 400,
    "groups_api": 200,
    "group_projects_api": 600,
    "project_members_api": 200,
    "members_delete": 60,
    "issues_create": 300,
    "users_get_by_id": 300,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Limits by name; a name that is absent, or 0, is off."""

    application: Mapping[str, int]
    throttles: Mapping[str, Rate]


PROFILES: Mapping[str, Profile] = {
    "off": Profile(application=FIXED, throttles={}),
    "self_managed": Profile(application=_SELF_MANAGED, throttles={}),
    "gitlab_com": Profile(
        application=_SELF_MANAGED | {"notes_create": 60, "pipelines_create": 25, "web_hook_calls": 500},
        throttles={
            "throttle_authenticated_api": Rate(requests=2000, seconds=MINUTE),
            "throttle_unauthenticated_api": Rate(requests=500, seconds=MINUTE),
            "throttle_authenticated_packages_api": Rate(requests=3000, seconds=MINUTE),
            "throttle_unauthenticated_packages_api": Rate(requests=3000, seconds=MINUTE),
            "throttle_authenticated_files_api": Rate(requests=500, seconds=MINUTE),
            "throttle_unauthenticated_files_api": Rate(requests=500, seconds=MINUTE),
        },
    ),
}
"""What an instance begins with: `off` is the sandbox's default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """One request as a throttle saw it. `observed` counts it; `now` is in epoch seconds."""

    name: str
    rate: Rate
    observed: int
    now: int

    @property
    def exceeded(self) -> bool:
        """Whether the request must be refused."""
        return self.observed > self.rate.requests

    def headers(self, after: int | None = None) -> dict[str, str]:
        """What every response carries while the throttle is on; a refused one carries more.

        `after` are the seconds until the window ends, None for when it really does.
        `RateLimit-Limit` is scaled to 60 seconds, the others tell of the real window.
        Source: lib/gitlab/rack_attack/request_throttle_data.rb.
        """
        if after is None:
            after = self.rate.seconds - self.now % self.rate.seconds
        reset = self.now + after
        shown = {
            "RateLimit-Name": self.name,
            "RateLimit-Limit": str(math.ceil(self.rate.requests * MINUTE / self.rate.seconds)),
            "RateLimit-Observed": str(self.observed),
            "RateLimit-Remaining": str(max(0, self.rate.requests - self.observed)),
            "RateLimit-Reset": str(reset),
        }
        if self.exceeded:
            shown["RateLimit-ResetTime"] = format_datetime(datetime.fromtimestamp(reset, UTC), usegmt=True)
            shown["Retry-After"] = str(after)
        return shown


class Limits:
    """The limits in force and what has been counted. Thread safe."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._counts: dict[tuple[object, ...], tuple[int, int]] = {}
        self.application: dict[str, int] = {}
        self.throttles: dict[str, Rate] = {}
        self.adopt("off")

    def adopt(self, profile: str) -> None:
        """Take over the limits of a profile and forget what was counted. Raises: KeyError."""
        chosen = PROFILES[profile]
        with self._lock:
            self.application = dict(chosen.application)
            self.throttles = dict(chosen.throttles)
            self._counts.clear()

    def change(self, application: Mapping[str, int], throttles: Mapping[str, Rate | None]) -> None:
        """Set single limits; 0 and None turn one off."""
        with self._lock:
            self.application = {**self.application, **application}
            merged = {**self.throttles, **throttles}
            self.throttles = {name: rate for name, rate in merged.items() if rate is not None}

    def forget(self) -> None:
        """Begin to count anew."""
        with self._lock:
            self._counts.clear()

    def exceeds(self, name: str, scope: tuple[object, ...]) -> bool:
        """Count one use of the application limit `name` by `scope`; whether it is one too many."""
        most = self.application.get(name, 0)
        if most <= 0:
            return False
        return self._count(("application", name, *scope), WINDOWS[name])[0] > most

    def observe(self, name: str, who: str) -> Observed | None:
        """Count one request of `who` on a throttle; None when the throttle is off."""
        rate = self.throttles.get(name)
        if rate is None:
            return None
        observed, now = self._count(("throttle", name, who), rate.seconds)
        return Observed(name=name, rate=rate, observed=observed, now=now)

    def _count(self, key: tuple[object, ...], seconds: int) -> tuple[int, int]:
        now = int(self._now().timestamp())
        window = now // seconds
        with self._lock:
            known, count = self._counts.get(key, (window, 0))
            count = count + 1 if known == window else 1
            self._counts[key] = (window, count)
        return count, now
