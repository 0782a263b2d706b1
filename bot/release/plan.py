"""Compare wanted with observed: the one pure function behind dry runs, turns, resume, retries and "what next"."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import chain

from bot.domain.refs import RefKind, Target
from bot.domain.releases import Receipt, ReleaseState, TargetState, TargetStatus
from bot.domain.report import ReleaseReport
from bot.domain.verdicts import Consequence, GateResult
from bot.ports.texts import Texts
from bot.release.actions import Action
from bot.release.building import builds
from bot.release.facts import Facts, Look, LookKind, Unreadable, Wanted
from bot.release.judge import PEOPLE, Judgement, judge
from bot.release.report import report
from bot.release.targets import Assessment, distributions, gitlab_release, index, install, issue, notes

# How often a release whose reporting failed comes back to it.
REPORT_AGAIN = timedelta(minutes=5)
_SETTLED = (TargetState.DONE, TargetState.SKIPPED)


@dataclass(frozen=True, slots=True)
class Act:
    """Do these, in this order; whoever acts does the first and plans anew."""

    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True)
class Rest:
    """Nothing to do now. `again` is when to come back by itself; None: never, unless somebody asks."""

    again: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The next step, and the picture it was drawn from. `told` proves the notes that looks found in place."""

    step: Look | Act | Rest
    state: ReleaseState
    gates: tuple[GateResult, ...]
    targets: tuple[TargetStatus, ...]
    next: str | None
    told: tuple[Receipt, ...] = ()


@dataclass(slots=True)
class _Drawing:
    """The plan while it is drawn: what the targets said so far. With `proving` each of them is heard."""

    gates: tuple[GateResult, ...]
    through: bool
    proving: bool = False
    targets: list[TargetStatus] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)
    told: list[Receipt] = field(default_factory=list)
    look: Look | None = None
    again: timedelta | None = None
    retried: bool = False

    def take(self, said: Assessment | Look) -> bool:
        """Note what a target said; returns whether the next target's turn has come."""
        if isinstance(said, Look):
            self.look = said
            return False
        self.targets.append(said.status)
        self.actions += said.actions
        self.told += [said.receipt] if said.receipt else []
        self.retried = self.retried or said.retried
        if said.again is not None:
            self.again = said.again if self.again is None else min(self.again, said.again)
        return self.proving or said.status.state in _SETTLED or (self.through and bool(said.actions))


def prove(wanted: Wanted, facts: Facts, texts: Texts) -> Plan:
    """Whether what must exist at the end exists: the public targets alone, without gates and without doing anything.

    The state is `published` if everything is there, `partial` or `planned` if something is missing, `conflict` if other
    bytes stand under one of our names.
    """
    drawn = _publish(wanted, facts, texts, _Drawing(gates=(), through=True, proving=True), telling=False)
    undone = any(target.state not in _SETTLED for target in drawn.targets)
    # "Accepted and not listed yet" is for whoever has just sent it; once proven and gone again, it is gone.
    judged = drawn.state in (ReleaseState.PUBLISHED, ReleaseState.VERIFYING, ReleaseState.WAITING)
    if isinstance(drawn.step, Look) or not judged or not undone:
        return drawn
    missing = "; ".join(_named(target, facts) for target in drawn.targets if target.state not in _SETTLED)
    state = ReleaseState.PARTIAL if facts.public else ReleaseState.PLANNED
    resume = f"`ropewalk release resume {Target(wanted.project.full_path, wanted.id.ref).typed}`"
    return replace(drawn, state=state, next=f"not in place: {missing}; {resume} completes it")


def _named(target: TargetStatus, facts: Facts) -> str:
    """A target and what is wrong with it now: how its last try went is another matter."""
    absent = index.absent(facts, target.name.removeprefix("index:"))
    if absent:
        return f"{target.name} ({' and '.join(absent)} {'is' if len(absent) == 1 else 'are'} not listed)"
    return f"{target.name} ({target.reason})" if target.reason else target.name


def plan(wanted: Wanted, facts: Facts, texts: Texts, *, through: bool = False) -> Plan:
    """The next step towards the wanted state.

    With `through` (a dry run) all targets are assessed as if each action worked, and `Act` holds everything that would
    be done; else only what can be done now. The state is that of now: what a dry run would publish is `planned`.
    """
    judgement = judge(wanted, facts)
    drawing = _Drawing(gates=judgement.results, through=through)
    if judgement.look is not None:
        return _close(drawing, judgement.look, _underway(facts), None)
    stopped = _STOPS.get(judgement.consequence)
    if judgement.consequence is Consequence.WAIT:
        return _wait(wanted, facts, texts, drawing, judgement)
    if stopped is not None:
        partial = facts.public and stopped in (ReleaseState.BLOCKED, ReleaseState.FAILED)
        state = ReleaseState.PARTIAL if partial else stopped
        return _tell(wanted, facts, texts, drawing, state, judgement.reasons)
    return _publish(wanted, facts, texts, drawing)


def _wait(wanted: Wanted, facts: Facts, texts: Texts, drawing: _Drawing, judgement: Judgement) -> Plan:
    """Wait. What only people or a date can end is told to those who merged, by the turn that looked at everything; the
    ones after it only ask whether it is over.
    """
    waiting = [result for result in judgement.results if result.consequence is Consequence.WAIT]
    again = min(result.look_again for result in waiting if result.look_again is not None)
    if facts.ref is None or not PEOPLE & {result.name for result in waiting}:
        return _close(drawing, Rest(again), ReleaseState.WAITING, judgement.reasons)
    told = _tell(wanted, facts, texts, drawing, ReleaseState.WAITING, judgement.reasons)
    if not isinstance(told.step, Rest):
        return told
    return replace(told, step=Rest(again if told.step.again is None else min(again, told.step.again)))


_STOPS = {
    Consequence.WITHDRAW: ReleaseState.WITHDRAWN,
    Consequence.CONFLICT: ReleaseState.CONFLICT,
    Consequence.FAIL: ReleaseState.FAILED,
    Consequence.BLOCK: ReleaseState.BLOCKED,
}


def _publish(wanted: Wanted, facts: Facts, texts: Texts, drawing: _Drawing, *, telling: bool = True) -> Plan:
    """Assess the public targets in order; the first that is not done holds up those behind it."""

    def describe() -> Assessment | Look:
        said = report(wanted, facts, ReleaseState.PUBLISHED, drawing.gates, drawing.targets, None)
        return gitlab_release.assess(wanted, facts, texts, said)

    steps: list[tuple[str, Callable[[], Assessment | Look]]] = [
        (distributions.NAME, lambda: distributions.assess(wanted, facts)),
        *chain.from_iterable(_on_index(wanted, facts, spec.name, drawing.proving) for spec in wanted.indexes),
        (gitlab_release.NAME, describe),
    ]
    for number, (_, assess) in enumerate(steps):
        if drawing.take(assess()):
            continue
        if drawing.look is None:
            behind = [name for name, _ in steps[number + 1 :]]
            drawing.targets += [TargetStatus(name=name, state=TargetState.PENDING) for name in behind]
        break
    if drawing.look is not None:
        return _close(drawing, drawing.look, _underway(facts), None)
    clash = next((target for target in drawing.targets if target.state is TargetState.CONFLICT), None)
    if clash is not None:
        why = f"{clash.name}: {clash.reason}. Nothing is overwritten: release a new version"
        return _tell(wanted, facts, texts, drawing, ReleaseState.CONFLICT, why, telling=telling)
    failed = [target for target in drawing.targets if target.state is TargetState.FAILED]
    if failed:
        state = ReleaseState.PARTIAL if facts.public else ReleaseState.FAILED
        why = ". ".join(f"{target.name}: {target.reason.rstrip('.')}" for target in failed)
        out = "" if why.endswith("then resume") else f". {_way_out(wanted, facts)}"
        return _tell(wanted, facts, texts, drawing, state, f"{why}{out}", telling=telling)
    if drawing.actions and not drawing.through:
        return _close(drawing, Act(tuple(drawing.actions)), ReleaseState.PUBLISHING, drawing.actions[0].words)
    if drawing.again is not None:
        waiting = next(target.reason for target in drawing.targets if target.state is TargetState.PENDING)
        state = ReleaseState.WAITING if drawing.retried else ReleaseState.VERIFYING
        return _close(drawing, Rest(drawing.again), state, waiting)
    return _tell(wanted, facts, texts, drawing, ReleaseState.PUBLISHED, None, telling=telling)


def _way_out(wanted: Wanted, facts: Facts) -> str:
    """What a person does about a failed target. The same commit makes the same files again, whoever builds them."""
    if not facts.unusable:
        return "Resume once that is mended"
    again = "push a new tag" if wanted.id.kind is RefKind.TAG else "merge that"
    culprit = "project" if builds(wanted, facts) else "job that builds them"
    return f"Mend the {culprit} and {again}; it is released by itself"


def _on_index(
    wanted: Wanted, facts: Facts, name: str, proving: bool
) -> list[tuple[str, Callable[[], Assessment | Look]]]:
    """The files on one index, and whether they install from there, before the next index gets them.

    A proof does not install: that they can be was seen, and the bytes are the same.
    """
    steps: list[tuple[str, Callable[[], Assessment | Look]]] = [
        (f"index:{name}", lambda: index.assess(wanted, facts, name))
    ]
    if wanted.rule.install_check and not proving:
        steps.append((f"install:{name}", lambda: install.assess(wanted, facts, name)))
    return steps


def _tell(
    wanted: Wanted,
    facts: Facts,
    texts: Texts,
    drawing: _Drawing,
    state: ReleaseState,
    why: str | None,
    *,
    telling: bool = True,
) -> Plan:
    """Reporting: merge requests, issues and the failure issue learn the outcome. Nothing here changes the state."""
    if not telling:
        return _close(drawing, Rest(), state, why)
    drawing.again = None
    silent = state is ReleaseState.WITHDRAWN and not _tell_withdrawn(facts)
    if not silent:
        if facts.changes is None:
            return _close(drawing, Look(LookKind.CHANGES), state, why)
        _tell_notes(wanted, facts, texts, drawing, report(wanted, facts, state, drawing.gates, drawing.targets, why))
        if drawing.look is not None:
            return _close(drawing, drawing.look, state, why)
    if wanted.rule.notes.failure_issue:
        said = report(wanted, facts, state, drawing.gates, drawing.targets, why)
        drawing.take(issue.assess(wanted, facts, texts, said))
        if drawing.look is not None:
            return _close(drawing, drawing.look, state, why)
    if drawing.actions:
        if any(action.public for action in drawing.actions):
            state = _underway(facts)
        return _close(drawing, Act(tuple(drawing.actions)), state, why)
    return _close(drawing, Rest(drawing.again), state, why)


def _tell_notes(wanted: Wanted, facts: Facts, texts: Texts, drawing: _Drawing, said: ReleaseReport) -> None:
    """One note after another: behind one that is to be written or that the rate limit holds up the others wait.

    So the order holds, and a turn that is put off has looked at no more than it told.
    """
    if isinstance(facts.changes, Unreadable):
        reason = f"merge requests cannot be found: {facts.changes.reason}"
        drawing.targets.append(TargetStatus(name="note", state=TargetState.FAILED, reason=reason))
        drawing.again = REPORT_AGAIN
        return
    merged = said.changes.merge_requests if said.changes else ()
    if wanted.rule.notes.issues and said.state is ReleaseState.PUBLISHED:
        unread = next((one.iid for one in merged if one.iid not in facts.closed), None)
        if unread is not None:
            drawing.look = Look(LookKind.CLOSED_ISSUES, iid=unread)
            return
    held, so_far = False, notes.known(facts)
    for told in notes.told_of(texts, said, facts.closed):
        if held:
            drawing.targets.append(notes.waiting(wanted, so_far, told))
            continue
        assessed = notes.assess(wanted, facts, texts, said, told, so_far)
        drawing.take(assessed)
        if isinstance(assessed, Look):
            return
        held = assessed.held or (bool(assessed.actions) and not drawing.through)


def _tell_withdrawn(facts: Facts) -> bool:
    """Whether notes are to say so: some were written before, and no other release of the tag speaks in them now."""
    moved = facts.ref is not None and facts.ref.value is not None
    return not moved and any(receipt.kind == "note" for receipt in facts.receipts)


def _underway(facts: Facts) -> ReleaseState:
    """The state to show while a release is still being looked at."""
    started = any(attempt.target.startswith("index:") for attempt in facts.attempts)
    return ReleaseState.VERIFYING if started else ReleaseState.PLANNED


def _close(drawing: _Drawing, step: Look | Act | Rest, state: ReleaseState, why: str | None) -> Plan:
    return Plan(
        step=step, state=state, gates=drawing.gates, targets=tuple(drawing.targets), next=why, told=tuple(drawing.told)
    )
