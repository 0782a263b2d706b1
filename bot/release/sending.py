"""Plan the sending of given files to one index, without a project's policy: the gates and the target that are about
files alone, in the same words as a release.
"""

from __future__ import annotations

from bot.domain.policy import IndexKind, IndexSpec
from bot.domain.releases import ReleaseState, TargetState, TargetStatus
from bot.domain.running_job import RunningJob
from bot.domain.verdicts import Consequence, GateResult, Verdict
from bot.release.actions import Action
from bot.release.facts import Facts, Look, Wanted
from bot.release.gates import index_guard, ref_protected, twine_check, version_matches
from bot.release.judge import Judgement, judge
from bot.release.plan import Act, Plan, Rest
from bot.release.targets import Assessment, distributions, index

GATES = (version_matches, twine_check, index_guard)
_STOPS = {
    Consequence.CONFLICT: ReleaseState.CONFLICT,
    Consequence.FAIL: ReleaseState.FAILED,
    Consequence.BLOCK: ReleaseState.BLOCKED,
}
AGAIN = "Run the job again once that is mended: it looks first and sends only what is missing"


def may_send(job: RunningJob, spec: IndexSpec, *, allow_unprotected: bool) -> GateResult:
    """Whether the job's code is of people who may publish: nobody else's credentials are on an unprotected ref."""
    if job.from_fork:
        return _blocked(
            "the job runs for a merge request from a fork, so whoever may open one would publish: publish from a "
            "protected tag, with `rules: [{if: $CI_COMMIT_TAG}]`"
        )
    if job.ref_protected:
        reason = f"GitLab says that {job.ref} is protected"
        return GateResult(name=ref_protected.NAME, verdict=Verdict.PASS, reason=reason)
    if spec.kind is IndexKind.GITLAB:
        reason = f"{job.ref} is not protected, and the files stay in the project's own registry"
        return GateResult(name=ref_protected.NAME, verdict=Verdict.NOT_APPLICABLE, reason=reason)
    if allow_unprotected:
        reason = f"{job.ref} is not protected, and --allow-unprotected accepts that"
        return GateResult(name=ref_protected.NAME, verdict=Verdict.WAIVED, reason=reason)
    settings = "protected tags" if job.kind.value == "tag" else "protected branches"
    return _blocked(
        f"{job.kind.value} {job.ref} is not protected (CI_COMMIT_REF_PROTECTED), so every developer could publish to "
        f"{spec.name}: protect it under Settings > Repository > {settings.capitalize()}, or accept that with "
        "--allow-unprotected"
    )


def _blocked(reason: str) -> GateResult:
    return GateResult(name=ref_protected.NAME, verdict=Verdict.FAIL, reason=reason, consequence=Consequence.BLOCK)


def plan_sending(wanted: Wanted, facts: Facts, allowed: GateResult) -> Plan:
    """The next step towards all files standing on the one index of `wanted`. `allowed` is what `may_send` says."""
    said = judge(wanted, facts, GATES) if allowed.consequence is Consequence.NONE else _unheard()
    gates = (allowed, *said.results)
    if said.look is not None:
        return _plan(said.look, ReleaseState.PLANNED, gates)
    if allowed.consequence is not Consequence.NONE:
        return _plan(Rest(), ReleaseState.BLOCKED, gates, why=allowed.reason)
    stopped = _STOPS.get(said.consequence)
    if stopped is not None:
        state = ReleaseState.PARTIAL if facts.public and stopped is not ReleaseState.CONFLICT else stopped
        return _plan(Rest(), state, gates, why=said.reasons)
    targets: list[TargetStatus] = []
    for assessed in (distributions.assess(wanted, facts), index.assess(wanted, facts, wanted.indexes[0].name)):
        if isinstance(assessed, Look):
            return _plan(assessed, ReleaseState.VERIFYING if facts.attempts else ReleaseState.PLANNED, gates, targets)
        targets.append(assessed.status)
        if assessed.status.state is not TargetState.DONE:
            return _undone(facts, gates, targets, assessed)
    return _plan(Rest(), ReleaseState.PUBLISHED, gates, targets)


def _unheard() -> Judgement:
    return Judgement(results=(), look=None)


def _undone(facts: Facts, gates: tuple[GateResult, ...], targets: list[TargetStatus], last: Assessment) -> Plan:
    reason = last.status.reason
    if last.status.state is TargetState.CONFLICT:
        why = f"{reason}. Nothing is overwritten: release a new version"
        return _plan(Rest(), ReleaseState.CONFLICT, gates, targets, why=why)
    if last.status.state is TargetState.FAILED:
        state = ReleaseState.PARTIAL if facts.public else ReleaseState.FAILED
        return _plan(Rest(), state, gates, targets, why=f"{reason.rstrip('.')}. {AGAIN}")
    if last.actions:
        actions: tuple[Action, ...] = last.actions
        return _plan(Act(actions), ReleaseState.PUBLISHING, gates, targets, why=actions[0].words)
    return _plan(Rest(last.again), ReleaseState.VERIFYING, gates, targets, why=reason)


def _plan(
    step: Look | Act | Rest,
    state: ReleaseState,
    gates: tuple[GateResult, ...],
    targets: list[TargetStatus] | None = None,
    *,
    why: str | None = None,
) -> Plan:
    return Plan(step=step, state=state, gates=gates, targets=tuple(targets or ()), next=why)
