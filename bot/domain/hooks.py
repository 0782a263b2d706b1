"""Webhooks as GitLab keeps them: where they hang, whether they are called, and what became of their deliveries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.domain.secrets import Secret
from bot.domain.webhooks import SIGNING_PREFIX


class PlaceKind(StrEnum):
    """Who has hooks of their own. A group's hook covers all projects below it."""

    GROUP = "group"
    PROJECT = "project"


@dataclass(frozen=True, slots=True, kw_only=True)
class HookPlace:
    """A group or project that may have a hook of ours. `key` is what GitLab finds it by: a full path or a number."""

    kind: PlaceKind
    key: str
    path: str

    @property
    def name(self) -> str:
        """What our records know it by."""
        return f"{self.kind.value}:{self.key}"


class HookStatus(StrEnum):
    """GitLab's `alert_status`. Source: app/models/concerns/web_hooks/auto_disabling.rb."""

    EXECUTABLE = "executable"
    RESTING = "temporarily_disabled"
    DISABLED = "disabled"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """One webhook. GitLab never shows its secrets; `signed` and `token` are None where it does not tell of them."""

    id: int
    url: str
    push: bool
    tag_push: bool
    pipeline: bool
    merge_requests: bool
    verifies_tls: bool
    notes: bool = False
    status: HookStatus = HookStatus.EXECUTABLE
    disabled_until: datetime | None = None
    signed: bool | None = None
    token: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HookWish:
    """The hook we want: our address, the secret that proves a delivery, and whether it tells of notes."""

    url: str
    secret: Secret
    notes: bool = False

    @property
    def signed(self) -> bool:
        """Whether the secret signs, rather than being sent along."""
        return self.secret.reveal().startswith(SIGNING_PREFIX)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One attempt to deliver an event, without its payload.

    `key` is the event's and stays the same when it is sent again. `trigger` is GitLab's word (`tag_push_hooks`), `url`
    where it went, `status` the HTTP status or `internal error`, `user_id` who pushed. `whole` is False where GitLab
    kept no payload to send again.
    """

    id: int
    key: str
    trigger: str
    url: str
    status: str
    at: datetime
    user_id: int | None = None
    pipeline_status: str | None = None
    whole: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryLog:
    """Deliveries, newest first; `complete` is False if there are older ones in the time that was asked for."""

    rows: tuple[Delivery, ...]
    complete: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class HookRecord:
    """What we remember of a place: the hook whose secret we set last, a keyed digest of that secret, our last look."""

    hook_id: int | None
    fingerprint: str
    looked_at: datetime
