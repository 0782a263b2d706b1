"""One place's hook: look, judge, mend, and look again. Whatever is done twice has its effect once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from bot.domain.errors import RefusedError, TransientError
from bot.domain.hooks import Hook, HookPlace, HookRecord, HookWish, PlaceKind
from bot.ports.gitlab import HookLog, Hooks
from bot.ports.store import HookRecords
from bot.watch.hook_health import (
    Fault,
    HookPlan,
    HookVerdict,
    Mend,
    Redelivery,
    Step,
    judge_deliveries,
    judge_hooks,
    worst_first,
)

UNAUTHORIZED, UNPROCESSABLE, TOO_MANY = 401, 422, 429
# A group's hooks need GitLab Premium and the role Owner; without either GitLab answers with one of these.
NOT_OURS = (403, 404)
LOOK_REMEDY = "Hooks need the role Maintainer; without it the poll finds the tags all the same"
INSTALL_REMEDY = "Does GitLab let hooks call this address? See Admin > Settings > Network > Outbound requests"


class Errand(StrEnum):
    """How far we go: say what is wrong; make and set hooks; also enable them and have deliveries sent again."""

    CHECK = "check"
    INSTALL = "install"
    REPAIR = "repair"


@dataclass(frozen=True, slots=True, kw_only=True)
class HookRow:
    """What is said of one place; `actions` were done, or would be in a dry run."""

    place: HookPlace
    verdict: HookVerdict
    reason: str
    remedy: str = ""
    actions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tended:
    """A place that was looked after.

    `put_off` is what GitLab could not do for us now, `more` whether deliveries are left to be sent again, `failed_test`
    whether a test delivery was not taken.
    """

    row: HookRow
    put_off: TransientError | None = None
    more: bool = False
    failed_test: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to do at a place. `since` is how far back deliveries count, `user_id` who we are."""

    errand: Errand
    dry_run: bool
    may_test: bool
    since: datetime
    user_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HookHands:
    """What works on hooks. `fingerprint` is a keyed digest of the secret in `wish`."""

    hooks: Hooks
    log: HookLog
    records: HookRecords
    wish: HookWish
    fingerprint: str
    clock: Callable[[], datetime]


def tend_place(hands: HookHands, place: HookPlace, record: HookRecord | None, order: Order) -> Tended | None:
    """Look after one place; None if it is a group that has no hooks for us, so that its projects need them.

    Raises: CredentialsError if GitLab refuses the token (401).
    """
    return _Work(hands=hands, place=place, record=record, order=order).tend()


@dataclass(slots=True, kw_only=True)
class _Work:
    """A place while it is worked at; what was done is told even if GitLab stops us in the middle."""

    hands: HookHands
    place: HookPlace
    record: HookRecord | None
    order: Order
    faults: tuple[Fault, ...] = ()
    actions: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    remedy: str = ""
    lost: str = ""
    more: bool = False
    failed_test: bool = False

    def tend(self) -> Tended | None:
        put_off = None
        try:
            if not self._tend():
                return None
        except TransientError as error:
            put_off = error
            self.troubles.append(str(error))
            if error.status != TOO_MANY:  # whose turn it was has had it: one that always fails must not stay the first
                self._keep(*self._kept())
        except RefusedError as error:
            self._refused(error, "")
        return Tended(row=self._row(), put_off=put_off, more=self.more, failed_test=self.failed_test)

    def _tend(self) -> bool:
        try:
            hooks = self.hands.hooks.hooks(self.place)
        except RefusedError as error:
            if self.place.kind is PlaceKind.GROUP and error.status in NOT_OURS:
                return False
            self._refused(error, LOOK_REMEDY if error.status in NOT_OURS else "")
            self._keep(None, "")
            return True
        plan = self._judge(hooks)
        redelivery = self._redelivery(plan)
        self._judge(hooks, redelivery)
        steps = self._steps(plan, redelivery)
        if self.order.dry_run:
            if self.order.errand is not Errand.CHECK:
                self.actions += [step.mend.value for step in steps] + _asking(len(redelivery.resend))
            return True
        hook_id, fingerprint = self._kept()
        hook = plan.hook
        self._keep(*((None, "") if hook is None else (hook.id, fingerprint if hook.id == hook_id else "")))
        return self._mend(plan, redelivery, steps)

    def _judge(self, hooks: tuple[Hook, ...], redelivery: Redelivery | None = None) -> HookPlan:
        """What is wrong now, with the deliveries where they were looked at."""
        plan = judge_hooks(hooks, self.hands.wish, self.record, self.hands.fingerprint)
        fault = None if redelivery is None else redelivery.fault
        self.faults = worst_first((*plan.faults, *(() if fault is None else (fault,))))
        return plan

    def _redelivery(self, plan: HookPlan) -> Redelivery:
        """What became of the deliveries; one question where none failed."""
        if plan.hook is None or self.order.errand is Errand.INSTALL:
            return Redelivery()
        log, since = self.hands.log, self.order.since
        failed = log.deliveries(self.place, plan.hook.id, taken=False, since=since)
        if failed is None or not failed.rows:
            return Redelivery()
        taken = log.deliveries(self.place, plan.hook.id, taken=True, since=since)
        resent = self.hands.records.resent({row.key for row in failed.rows})
        redelivery = judge_deliveries(plan.hook, failed, taken, resent, self.order.user_id)
        self.lost = redelivery.lost
        return redelivery

    def _steps(self, plan: HookPlan, redelivery: Redelivery) -> tuple[Step, ...]:
        """What mends the place, as far as the errand goes."""
        if self.order.errand is Errand.INSTALL:
            return tuple(step for step in plan.steps if step.mend is not Mend.TEST)
        tested = any(step.mend is Mend.TEST for step in plan.steps)
        if plan.hook is None or redelivery.last is None or tested:
            return plan.steps
        return (*plan.steps, Step(mend=Mend.TEST, hook_id=plan.hook.id))

    def _mend(self, plan: HookPlan, redelivery: Redelivery, steps: tuple[Step, ...]) -> bool:
        good = True
        for step in steps:
            if step.mend is Mend.TEST and not good:
                break  # with a wrong secret it would be refused, and count against the hook
            try:
                good = self._do(step) and good
            except RefusedError as error:
                if step.mend is Mend.CREATE and self.place.kind is PlaceKind.GROUP and error.status in NOT_OURS:
                    return False
                self._refused(error, INSTALL_REMEDY if error.status == UNPROCESSABLE else "")
                good = False
        if good and plan.hook is not None and self.order.errand is Errand.REPAIR:
            redelivery = self._resend(plan.hook, replace(redelivery, last=None))
        if self.actions:
            self._judge(self.hands.hooks.hooks(self.place), redelivery)
        return True

    def _do(self, step: Step) -> bool:
        hands, place = self.hands, self.place
        if step.hook_id is None:
            return self._set(hands.hooks.create(place, hands.wish), step)
        if step.mend is Mend.CORRECT:
            return self._set(hands.hooks.correct(place, step.hook_id, hands.wish), step)
        if step.mend is Mend.REMOVE:
            hands.hooks.remove(place, step.hook_id)
        elif not self.order.may_test:
            self.troubles.append("not tried, for the test deliveries of other hooks were not taken either")
            return False
        elif refused := hands.log.test(place, step.hook_id):
            self.failed_test = True
            self.troubles.append(f"the test delivery was not taken: {refused}")
            self.remedy = f"Does the daemon run, and can GitLab reach {hands.wish.url}?"
            return False
        self.actions.append(step.mend.value)
        return True

    def _set(self, hook: Hook, step: Step) -> bool:
        """Remember whose secret we set. A GitLab that knows no signing tokens ignores them, and signs nothing."""
        if self.hands.wish.signed and not hook.signed:
            if step.mend is Mend.CREATE:
                self.hands.hooks.remove(self.place, hook.id)
            self.troubles.append("this GitLab does not sign its deliveries; 19.0 and newer do")
            self.remedy = "Use a hook secret that does not begin with whsec_, or update GitLab"
            return False
        self._keep(hook.id, self.hands.fingerprint)
        self.actions.append(step.mend.value)
        return True

    def _resend(self, hook: Hook, redelivery: Redelivery) -> Redelivery:
        """Ask again, oldest first, until one is not taken: each that fails counts against the hook. What is left."""
        waiting = list(redelivery.resend)
        refused = ""
        try:
            while waiting and not refused:
                refused = self.hands.log.resend(self.place, hook.id, waiting[0].id)
                if not refused:
                    self.hands.records.note_resent(waiting.pop(0).key, self.hands.clock())
        finally:
            self.actions += _asking(len(redelivery.resend) - len(waiting))
        if refused:
            self.troubles.append(f"a delivery was sent again and not taken: {refused}")
        self.more = not refused and redelivery.left > 0
        return replace(redelivery, resend=tuple(waiting))

    def _refused(self, error: RefusedError, remedy: str) -> None:
        if error.status == UNAUTHORIZED:
            raise error
        self.troubles.append(str(error))
        self.remedy = self.remedy or remedy

    def _kept(self) -> tuple[int | None, str]:
        return (None, "") if self.record is None else (self.record.hook_id, self.record.fingerprint)

    def _keep(self, hook_id: int | None, fingerprint: str) -> None:
        """Remember whose secret is which, and that we looked."""
        if self.order.dry_run:
            return
        self.record = HookRecord(hook_id=hook_id, fingerprint=fingerprint, looked_at=self.hands.clock())
        self.hands.records.keep(self.place, self.record)

    def _row(self) -> HookRow:
        faults = self.faults
        verdict = faults[0].verdict if faults else HookVerdict.CANNOT_LOOK if self.troubles else HookVerdict.OK
        said = [*(fault.reason for fault in faults), *self.troubles]
        if not said:
            said.append("told of pushes, tag pushes and pipelines")
        if self.lost:
            said.append(self.lost)
        remedy = self.remedy
        if not remedy and faults:
            remedy = f"`ropewalk hooks {'install' if verdict is HookVerdict.MISSING else 'repair'}` mends it"
        return HookRow(
            place=self.place,
            verdict=verdict,
            reason="; ".join(said),
            remedy=remedy,
            actions=tuple(self.actions),
        )


def _asking(count: int) -> list[str]:
    if not count:
        return []
    return [f"ask for {count} failed {'delivery' if count == 1 else 'deliveries'} again"]
