"""What is wrong with a place's hook, and what mends it: decided from facts alone.

Source: GitLab, app/models/concerns/web_hooks/auto_disabling.rb (four failures in a row disable, a delivery that is
taken enables), app/services/web_hooks/events/resend_service.rb.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.hooks import Delivery, DeliveryLog, Hook, HookRecord, HookStatus, HookWish
from bot.watch.hook import UNDER_WAY

RESEND_WITHIN = timedelta(hours=24)  # what failed longer ago has been found by the poll many times over
MOST_RESENDS = 5  # GitLab allows so many a minute, for one user in one group or project
MOST_TRIES = 3  # a delivery that failed so often is not taken the next time either


class HookVerdict(StrEnum):
    """What is said of a place, worst first: the first that applies is the verdict."""

    CANNOT_LOOK = "cannot_look"
    MISSING = "missing"
    DISABLED = "disabled"
    WRONG_SECRET = "wrong_secret"  # noqa: S105  (a verdict, not a secret)
    WRONG_EVENTS = "wrong_events"
    FAILING = "failing"
    DUPLICATE = "duplicate"
    OK = "ok"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is wrong, with its reason in the words the user reads."""

    verdict: HookVerdict
    reason: str


class Mend(StrEnum):
    """What can be done to a hook."""

    CREATE = "make the hook"
    CORRECT = "set its events and its secret"
    REMOVE = "remove another hook with our address"
    TEST = "have a test delivery sent, which enables it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing to do; `hook_id` is None where there is no hook yet."""

    mend: Mend
    hook_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HookPlan:
    """The hook of ours (the oldest with our address), what is wrong with it, worst first, and what mends it."""

    hook: Hook | None
    faults: tuple[Fault, ...]
    steps: tuple[Step, ...]


def judge_hooks(hooks: Collection[Hook], wish: HookWish, record: HookRecord | None, fingerprint: str) -> HookPlan:
    """Compare a place's hooks with the one we want.

    `record` is what we remember of the place and `fingerprint` the digest of the secret as it is configured now: which
    secret a hook has, GitLab does not tell.
    """
    ours = sorted((hook for hook in hooks if _same(hook.url, wish.url)), key=lambda hook: hook.id)
    if not ours:
        fault = Fault(verdict=HookVerdict.MISSING, reason="there is no hook with our address")
        return HookPlan(hook=None, faults=(fault,), steps=(Step(mend=Mend.CREATE),))
    hook, *others = ours
    found: list[Fault] = []
    steps = [Step(mend=Mend.REMOVE, hook_id=other.id) for other in others]
    if others:
        found.append(Fault(verdict=HookVerdict.DUPLICATE, reason=f"{len(ours)} hooks have our address"))
    settings = [*_secret(hook, wish, record, fingerprint), *_events(hook, wish)]
    if settings:
        found += settings
        steps.append(Step(mend=Mend.CORRECT, hook_id=hook.id))
    if disabled := _disabled(hook):
        found.append(disabled)
        steps.append(Step(mend=Mend.TEST, hook_id=hook.id))
    return HookPlan(hook=hook, faults=worst_first(found), steps=tuple(steps))


@dataclass(frozen=True, slots=True, kw_only=True)
class Redelivery:
    """What failed: `resend` is asked for now, oldest first; `left` more can be asked for later.

    `last` is the newest delivery if it was not taken; `lost` are those that nobody asks for again, and why not.
    """

    resend: tuple[Delivery, ...] = ()
    left: int = 0
    last: Delivery | None = None
    lost: str = ""

    @property
    def fault(self) -> Fault | None:
        """What is wrong with the deliveries, if anything is."""
        waiting = len(self.resend) + self.left
        if not waiting and self.last is None:
            return None
        said = []
        if self.last is not None:
            said.append(f"the last delivery ({_moment(self.last.at)}) was not taken: {self.last.status}")
        if waiting:
            said.append(f"{waiting} that failed can be sent again")
        return Fault(verdict=HookVerdict.FAILING, reason=", ".join(said))


def judge_deliveries(
    hook: Hook,
    failed: DeliveryLog | None,
    taken: DeliveryLog | None,
    resent: Collection[str] = (),
    user_id: int | None = None,
) -> Redelivery:
    """Which failed deliveries of a hook to ask for again: those worth it that were never taken, neither then nor since.

    `resent` are the keys of those that were taken when we asked; GitLab's log may not have them yet. Where the log of
    those taken does not reach back far enough, it cannot be known, and the poll must do. `user_id` is who we are.
    """
    if failed is None or not failed.rows:
        return Redelivery()
    rows = taken.rows if taken is not None else ()
    newest = max(failed.rows, key=lambda row: (row.at, row.id))
    healthy = any((row.at, row.id) > (newest.at, newest.id) for row in rows) or newest.key in resent
    settled = {row.key for row in rows} | set(resent)
    horizon = min((row.at for row in rows), default=None) if taken is not None and not taken.complete else None
    waiting: list[Delivery] = []
    unknown = hopeless = 0
    for key, tries in _by_key(failed.rows).items():
        first = min(tries, key=lambda row: (row.at, row.id))
        if key in settled or not _worth(first, hook, user_id):
            continue
        if horizon is not None and first.at < horizon:
            unknown += 1
        elif len(tries) >= MOST_TRIES:
            hopeless += 1
        else:
            waiting.append(first)
    waiting.sort(key=lambda row: (row.at, row.id))
    return Redelivery(
        resend=tuple(waiting[:MOST_RESENDS]),
        left=max(0, len(waiting) - MOST_RESENDS),
        last=None if healthy else newest,
        lost=_lost(unknown, hopeless),
    )


def worst_first(faults: Collection[Fault]) -> tuple[Fault, ...]:
    """In the order of the verdicts."""
    order = list(HookVerdict)
    return tuple(sorted(faults, key=lambda fault: order.index(fault.verdict)))


def _same(one: str, other: str) -> bool:
    return one.rstrip("/").casefold() == other.rstrip("/").casefold()


def _secret(hook: Hook, wish: HookWish, record: HookRecord | None, fingerprint: str) -> list[Fault]:
    # A GitLab that does not tell of signing tokens does not know them.
    if wish.signed and not hook.signed:
        reason = "it has no signing token"
    elif not wish.signed and hook.token is False:
        reason = "it has no secret token"
    elif record is None or record.hook_id != hook.id or not record.fingerprint:
        reason = "whether it has our secret is not known"
    elif record.fingerprint != fingerprint:
        reason = "the secret has changed since it was set"
    else:
        return []
    return [Fault(verdict=HookVerdict.WRONG_SECRET, reason=reason)]


def _events(hook: Hook, wish: HookWish) -> list[Fault]:
    wanted = {
        "push": hook.push,
        "tag push": hook.tag_push,
        "pipeline": hook.pipeline,
        "merge request": hook.merge_requests,
        **({"note": hook.notes} if wish.notes else {}),
    }
    missing = [name for name, there in wanted.items() if not there]
    said = [f"it does not tell of {' and '.join(missing)} events"] if missing else []
    if not hook.verifies_tls:
        said.append("it does not verify our certificate")
    return [Fault(verdict=HookVerdict.WRONG_EVENTS, reason=", ".join(said))] if said else []


def _disabled(hook: Hook) -> Fault | None:
    if hook.status is HookStatus.RESTING:
        until = "for a while" if hook.disabled_until is None else f"until {_moment(hook.disabled_until)}"
        return Fault(verdict=HookVerdict.DISABLED, reason=f"GitLab disabled it {until}, after failures")
    if hook.status is HookStatus.DISABLED:
        reason = "GitLab disabled it for good, after too many failures"
        return Fault(verdict=HookVerdict.DISABLED, reason=reason)
    return None


def _worth(delivery: Delivery, hook: Hook, user_id: int | None) -> bool:
    """Whether sending it again could tell us anything, and GitLab would.

    Not without its payload, to another address than the hook has now, of a pipeline that was under way, or of a push of
    ours: we push nothing, so it was a test.
    """
    test = delivery.trigger == "push_hooks" and user_id is not None and delivery.user_id == user_id
    possible = delivery.whole and _same(delivery.url, hook.url)
    return possible and not test and delivery.pipeline_status not in UNDER_WAY


def _by_key(rows: Collection[Delivery]) -> dict[str, list[Delivery]]:
    found: dict[str, list[Delivery]] = {}
    for row in rows:
        found.setdefault(row.key, []).append(row)
    return found


def _lost(unknown: int, hopeless: int) -> str:
    said = []
    if unknown:
        said.append(f"{unknown} older than the log that was read")
    if hopeless:
        said.append(f"{hopeless} that failed {MOST_TRIES} times")
    return f"left to the poll: {', '.join(said)}" if said else ""


def _moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S UTC")
