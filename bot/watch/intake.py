"""What is done about a hook's hint: a ref change is taken in, a waiting release is woken, a project is looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from bot.domain.policy import Policy, Source
from bot.domain.refs import Project, RefAction, RefKind
from bot.domain.releases import STOPPED, Release, ReleaseId, TargetState
from bot.domain.verdicts import Verdict
from bot.ports.commands import CommandIntake
from bot.ports.store import Enrolment, Hints, Intake, Queue, Waker
from bot.watch.compare import new_release
from bot.watch.early import Early, Lately
from bot.watch.hook import Ignored, MergeRequestHint, NoteHint, PipelineHint, ProjectHint, RefHint, read_hook
from bot.watch.scope import Scope

DISTRIBUTIONS = "distributions"  # the target, as in bot.release.targets.distributions


@dataclass(frozen=True, slots=True)
class Answer:
    """What was decided about a hook, for the log; `look` says that a project waits to be looked at, `merge_requests`
    that those that changed do, `commands` that a note does. `idle` says that nothing follows: most hooks of a large
    organisation are such.
    """

    words: str
    idle: bool = False
    look: bool = False
    merge_requests: bool = False
    commands: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HookIntake:
    """All that taking in a hook needs. `commands` is where notes go, None where they are not heard."""

    intake: Intake
    enrolment: Enrolment
    hints: Hints
    queue: Queue
    waker: Waker
    scope: Scope
    policy: Policy
    clock: Callable[[], datetime]
    commands: CommandIntake | None = None
    early: Early = field(default_factory=Early)
    lately: Lately = field(default_factory=Lately)

    def take(self, body: Mapping[str, object]) -> Answer:
        """Store what a verified payload hints at."""
        hint = read_hook(body)
        if isinstance(hint, (RefHint, ProjectHint)):
            self._pushed(hint.project.id)
        match hint:
            case RefHint():
                return self._ref(hint)
            case ProjectHint():
                return self._project(hint.project)
            case PipelineHint():
                return self._under_way(hint) if hint.under_way else self._pipeline(hint)
            case MergeRequestHint():
                return self._merge_request(hint.project)
            case NoteHint():
                return self._note(hint)
            case Ignored():
                return Answer(hint.why, idle=True)

    def _ref(self, hint: RefHint) -> Answer:
        project, change, now = hint.project, hint.change, self.clock()
        word = change.kind.value
        if not self.scope.covers(project):
            return self._project(project)
        id_ = ReleaseId(project_id=project.id, kind=change.kind, ref=change.ref, sha=change.sha)
        release = new_release(id_, project.full_path, self.policy, now)
        if change.action is RefAction.DELETED:
            self.intake.take([change], (), now)
            # The payload of a deleted annotated tag names the tag object, not the commit: the ref must do.
            woken = self.waker.wake_ref(change, now)
            return Answer(f"woke the release of a deleted {word}" if woken else f"nothing is released from that {word}")
        tagged = self.policy.watched_head(project.full_path, project.default_branch)
        if change.kind is RefKind.BRANCH and change.ref == tagged:
            self.hints.ask(project.id, project.full_path, now)
            return Answer("the branch is looked at", look=True)
        if release is None:
            return Answer(f"no rule covers the {word}", idle=True)
        known = self.intake.known(project.id)
        heads = known.tags or {} if change.kind is RefKind.TAG else known.branches
        if heads.get(change.ref) == change.sha:
            # A redelivered event of a ref from before the first start must not release it.
            return Answer(f"the {word} is known already", idle=True)
        if change.kind is RefKind.BRANCH and heads.get(change.ref, "") != hint.before:
            # Late, redelivered, or something was lost before it: only a look tells what the branch is at.
            self.hints.ask(project.id, project.full_path, now)
            return Answer("the branch is looked at", look=True)
        self.enrolment.enrolled([project], now)
        if release.key in self.early:
            release = replace(release, heard_at=now)
        taken = self.intake.take([change], (release,), now)
        if change.action is RefAction.MOVED and change.kind is RefKind.TAG:
            self.waker.wake_ref(change, now)
        return Answer("a release begins" if taken.begun else "taken in before")

    def _project(self, project: Project) -> Answer:
        """An event tells no topics, and a project that leaves our scope tells only its new name: a look says more."""
        topical = bool(self.scope.topics) and not self.scope.excludes(project)
        if not (self.scope.covers(project) or topical or self.hints.watched(project.id)):
            return Answer("the project is out of scope", idle=True)
        self.hints.ask(project.id, project.full_path, self.clock())
        return Answer("the project is looked at", look=True)

    def _merge_request(self, project: Project) -> Answer:
        """Which one it is need not be kept: all that changed are listed, this one among them."""
        if not (self.scope.covers(project) or self.hints.watched(project.id)):
            return Answer("the project is out of scope", idle=True)
        return Answer("the merge request is looked at", merge_requests=True)

    def _note(self, hint: NoteHint) -> Answer:
        if self.commands is None:
            return Answer("commands in notes are off", idle=True)
        if not (self.scope.covers(hint.project) or self.hints.watched(hint.project.id)):
            return Answer("the project is out of scope", idle=True)
        new = self.commands.hear([hint.heard], self.clock())
        return Answer("the note is read", commands=True) if new else Answer("the note is known already", idle=True)

    def _pushed(self, project_id: int) -> None:
        """Hooks of its pushes arrive, so it need not be looked at so often: that is written down now and then."""
        now = self.clock()
        if self.lately.passed(str(project_id), now):
            self.hints.heard(project_id, now)

    def _under_way(self, hint: PipelineHint) -> Answer:
        """No news, save that hooks of this pipeline reach us: whoever waits for it need not ask so often."""
        if self.waker.heard(hint.key, self.clock()):
            return Answer("a pipeline that is still under way")
        if hint.key not in self.early:
            self.early.note(hint.key)
            if self._of_unknown(hint):
                return self._project(hint.project)
        return Answer("a pipeline that is still under way", idle=True)

    def _pipeline(self, hint: PipelineHint) -> Answer:
        key = hint.key
        now = self.clock()
        if self.queue.wake(key, now):
            return Answer("woke the release")
        stopped = self.queue.release(key)
        if stopped is None:
            return self._project(hint.project) if self._of_unknown(hint) else Answer("no release waits for it")
        if stopped.state in STOPPED and _for_want_of_a_pipeline(stopped):
            # Here is news of one: somebody ran a job again.
            self.queue.wake(key, now, reopen=True)
            return Answer("reopened the release")
        return Answer("the release has come to its end")

    def _of_unknown(self, hint: PipelineHint) -> bool:
        """Whether its ref is to be released, and nobody told of the ref: GitLab tells of no push of more than three."""
        covered = self.scope.covers(hint.project) and self.policy.rule_for(hint.project.full_path, hint.kind, hint.ref)
        if not covered or self.queue.release(hint.key) is not None:
            return False
        known = self.intake.known(hint.project.id)
        heads = known.tags or {} if hint.kind is RefKind.TAG else known.branches
        return heads.get(hint.ref) != hint.sha


def _for_want_of_a_pipeline(release: Release) -> bool:
    """Whether it stopped because its pipeline failed, or the job in it that publishes."""
    gate = any(gate.name == "pipeline_green" and gate.verdict is Verdict.FAIL for gate in release.gates)
    own = release.source is Source.PIPELINE
    return gate or (
        own and any(one.name == DISTRIBUTIONS and one.state is TargetState.FAILED for one in release.targets)
    )
