"""What is done about a hook's hint: a ref change is taken in, a waiting release is woken."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.domain.policy import Policy
from bot.domain.refs import RefAction
from bot.domain.verdicts import Verdict
from bot.ports.store import Intake, Queue, Waker
from bot.watch.compare import new_release
from bot.watch.hook import Ignored, PipelineHint, TagHint, read_hook
from bot.watch.scope import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class HookIntake:
    """All that taking in a hook needs."""

    intake: Intake
    queue: Queue
    waker: Waker
    scope: Scope
    policy: Policy
    clock: Callable[[], datetime]

    def take(self, body: Mapping[str, object]) -> str:
        """Store what a verified payload hints at; returns what was decided, for the log."""
        hint = read_hook(body)
        match hint:
            case TagHint():
                return self._tag(hint)
            case PipelineHint():
                return self._pipeline(hint)
            case Ignored():
                return hint.why

    def _tag(self, hint: TagHint) -> str:
        project, change, now = hint.project, hint.change, self.clock()
        if not self.scope.covers(project):
            return "the project is out of scope"
        if change.action is RefAction.DELETED:
            self.intake.take([change], (), now)
            # The payload of a deleted annotated tag names the tag object, not the commit: the ref must do.
            woken = self.waker.wake_ref(project.id, change.ref, now)
            return "woke the release of a deleted tag" if woken else "nothing is released from that tag"
        known = self.intake.known_tags(project.id)
        if known is not None and known.get(change.ref) == change.sha:
            # A redelivered event of a tag from before the first start must not release it.
            return "the tag is known already"
        self.intake.enrolled([project], now)
        release = new_release(project.id, project.full_path, change.ref, change.sha, self.policy, now)
        new = self.intake.take([change], () if release is None else (release,), now)
        if release is None:
            return "no rule covers the tag"
        return "a release begins" if new else "taken in before"

    def _pipeline(self, hint: PipelineHint) -> str:
        key = f"{hint.project_id}/{hint.ref}@{hint.sha}"
        now = self.clock()
        if self.queue.wake(key, now):
            return "woke the release"
        stopped = self.queue.release(key)
        if stopped is None:
            return "no release waits for it"
        if any(gate.name == "pipeline_green" and gate.verdict is Verdict.FAIL for gate in stopped.gates):
            # It failed for want of a good pipeline, and here is news of one: somebody ran a job again.
            self.queue.wake(key, now, reopen=True)
            return "reopened the release"
        return "the release has come to its end"
