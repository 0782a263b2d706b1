"""Webhooks as dicts; tests/contract/test_hooks_port.py holds them and GitLab's to the same promises."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot.domain.errors import CredentialsError, RefusedError
from bot.domain.hooks import Delivery, DeliveryLog, Hook, HookPlace, HookRecord, HookStatus, HookWish
from bot.domain.secrets import Secret
from tests.fakes import Wire

GRACE = 3  # failures in a row that disable nothing


@dataclass(slots=True)
class FakeHooks:
    """See bot.ports.gitlab.Hooks and HookLog.

    `there` are hooks by place; `closed` and `barred` are statuses with which places refuse to be looked at or to have a
    hook made. `answer` is the status with which the receiver answers.
    """

    clock: Callable[[], datetime]
    there: dict[str, dict[int, Hook]] = field(default_factory=dict)
    closed: dict[str, int] = field(default_factory=dict)
    barred: dict[str, int] = field(default_factory=dict)
    secrets: dict[int, Secret] = field(default_factory=dict)
    log: dict[int, list[Delivery]] = field(default_factory=dict)
    answer: str = "202"
    signs: bool = True
    keeps_log: bool = True
    wire: Wire = field(default_factory=Wire)
    _failures: dict[int, int] = field(default_factory=dict)
    _last: int = 0

    def hooks(self, place: HookPlace) -> tuple[Hook, ...]:
        """Oldest first."""
        with self.wire.call("hooks"):
            self._open(place, self.closed)
            return tuple(hook for _, hook in sorted(self.there.get(place.name, {}).items()))

    def create(self, place: HookPlace, wish: HookWish) -> Hook:
        """With the next id."""
        with self.wire.call("create_hook", write=True):
            self._open(place, self.barred)
            hook = Hook(
                id=self._next(),
                url=wish.url,
                push=False,
                tag_push=False,
                pipeline=False,
                merge_requests=False,
                verifies_tls=False,
            )
            return self._set(place, hook, wish)

    def correct(self, place: HookPlace, hook_id: int, wish: HookWish) -> Hook:
        """Events and secret."""
        with self.wire.call("correct_hook", write=True):
            return self._set(place, self._hook(place, hook_id), wish)

    def remove(self, place: HookPlace, hook_id: int) -> None:
        """If it is there."""
        with self.wire.call("remove_hook", write=True):
            self.there.get(place.name, {}).pop(hook_id, None)

    def deliveries(self, place: HookPlace, hook_id: int, *, taken: bool, since: datetime) -> DeliveryLog | None:
        """Newest first."""
        with self.wire.call(f"deliveries {'taken' if taken else 'failed'}"):
            if not self.keeps_log or hook_id not in self.there.get(place.name, {}):
                return None
            rows = [row for row in self.log.get(hook_id, ()) if row.at >= since]
            return DeliveryLog(rows=tuple(row for row in reversed(rows) if row.status.startswith("2") == taken))

    def resend(self, place: HookPlace, hook_id: int, delivery_id: int) -> str:
        """The same key again, unless the hook is disabled."""
        with self.wire.call("resend", write=True):
            past = next((row for row in self.log.get(hook_id, ()) if row.id == delivery_id), None)
            if past is None:
                return "404"
            if self._hook(place, hook_id).status is not HookStatus.EXECUTABLE:
                return "422 (Hook disabled)"
            if past.url != self._hook(place, hook_id).url:
                return "422 (The hook URL has changed)"
            done = self._deliver(place, hook_id, past)
            return "" if done.status.startswith("2") else f"it was answered with {done.status}"

    def test(self, place: HookPlace, hook_id: int) -> str:
        """A made-up push."""
        with self.wire.call("test_hook", write=True):
            done = self._deliver(place, hook_id, self._event("push_hooks"))
            return "" if done.status.startswith("2") else f"422 ({done.status})"

    def tell(self, place: HookPlace, trigger: str = "tag_push_hooks") -> None:
        """Something happens; the place's hooks are called, once each, unless they are disabled."""
        for hook in list(self.there.get(place.name, {}).values()):
            resting = hook.disabled_until is not None and hook.disabled_until >= self.clock()
            if not resting and hook.status is not HookStatus.DISABLED:
                self._deliver(place, hook.id, self._event(trigger))

    def _event(self, trigger: str) -> Delivery:
        return Delivery(id=0, key=f"event {self._next()}", trigger=trigger, url="", status="", at=self.clock())

    def _deliver(self, place: HookPlace, hook_id: int, event: Delivery) -> Delivery:
        hook = self._hook(place, hook_id)
        done = replace(event, id=self._next(), url=hook.url, status=self.answer, at=self.clock())
        self.log.setdefault(hook_id, []).append(done)
        if done.status.startswith("2"):
            self._failures[hook_id] = 0
            hook = replace(hook, status=HookStatus.EXECUTABLE, disabled_until=None)
        else:
            self._failures[hook_id] = self._failures.get(hook_id, 0) + 1
            if self._failures[hook_id] > GRACE:
                hook = replace(hook, status=HookStatus.RESTING, disabled_until=done.at + timedelta(minutes=1))
        self.there[place.name][hook_id] = hook
        return done

    def _set(self, place: HookPlace, hook: Hook, wish: HookWish) -> Hook:
        hook = replace(
            hook,
            push=True,
            tag_push=True,
            pipeline=True,
            merge_requests=True,
            verifies_tls=True,
            notes=wish.notes or hook.notes,
        )
        if not wish.signed:
            hook = replace(hook, token=True)
        elif self.signs:
            hook = replace(hook, signed=True)
        self.secrets[hook.id] = wish.secret
        self.there.setdefault(place.name, {})[hook.id] = hook
        return hook

    def _hook(self, place: HookPlace, hook_id: int) -> Hook:
        hook = self.there.get(place.name, {}).get(hook_id)
        if hook is None:
            raise RefusedError(what="404 for that hook", where="gitlab", status=404)
        return hook

    def _open(self, place: HookPlace, shut: Mapping[str, int]) -> None:
        status = shut.get(place.name)
        if status is not None:
            kind = CredentialsError if status in (401, 403) else RefusedError
            raise kind(what=f"{status} for {place.path}", where="gitlab", status=status)

    def _next(self) -> int:
        self._last += 1
        return self._last


@dataclass(slots=True)
class FakeHookRecords:
    """See bot.ports.store.HookRecords."""

    rows: dict[str, HookRecord] = field(default_factory=dict)
    taken: dict[str, datetime] = field(default_factory=dict)

    def records(self) -> Mapping[str, HookRecord]:
        """By the place's name."""
        return dict(self.rows)

    def keep(self, place: HookPlace, record: HookRecord) -> None:
        """What is known now."""
        self.rows[place.name] = record

    def resent(self, keys: Collection[str]) -> frozenset[str]:
        """Those taken."""
        return frozenset(self.taken) & frozenset(keys)

    def note_resent(self, key: str, now: datetime) -> None:
        """Taken; a week later forgotten."""
        self.taken = {old: at for old, at in self.taken.items() if at >= now - timedelta(days=7)} | {key: now}
