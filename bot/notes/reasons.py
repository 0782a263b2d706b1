"""Why a release stands where it stands, whose turn it is, and what they do."""

from __future__ import annotations

from itertools import chain

from bot.domain.consents import ApprovalRule
from bot.domain.refs import RefKind
from bot.domain.releases import ReleaseState, TargetState, TargetStatus
from bot.domain.report import ReleaseReport
from bot.domain.verdicts import Consequence, GateResult, Verdict
from bot.notes.foreign import inline, link
from bot.notes.tables import INDEXES_SHOWN, NAME_LIMIT, command, command_line
from bot.notes.wording import MAINTAINER, OPERATOR, UNSEEN_REMEDY, words_for

GATES_SHOWN = 20
APPROVAL = "approval"
"""The gate that asks people for a yes."""

Lines = list[str]


def stopping(report: ReleaseReport) -> tuple[GateResult, ...]:
    """Gates that keep the release from going on: what failed before what could not be looked at.

    One that only waits is a reason, and somebody's turn, only where nothing else stops the release.
    """
    holding = [gate for gate in report.gates if gate.consequence is not Consequence.NONE]
    grave = [gate for gate in holding if gate.consequence is not Consequence.WAIT]
    return tuple(sorted(grave or holding, key=lambda gate: gate.verdict is Verdict.UNKNOWN))


def problem(gate: GateResult) -> str:
    """What is wrong, as the end of a sentence after a colon. What could not be looked at is not called wrong."""
    words = words_for(gate.name)
    return f"{words.title.lower()} could not be checked" if gate.verdict is Verdict.UNKNOWN else words.problem


def warnings(report: ReleaseReport) -> list[Lines]:
    """What was found or could not be looked at, though the policy lets the release go on.

    Once it is published, what nobody could look at is no news to those who merged: `release status` keeps it.
    """
    told = (Verdict.FAIL,) if report.state is ReleaseState.PUBLISHED else (Verdict.FAIL, Verdict.UNKNOWN)
    noted = [
        f"- {'Could not be checked' if gate.verdict is Verdict.UNKNOWN else 'Found'}: {_reasoned(gate, report)}"
        for gate in report.gates
        if gate.consequence is Consequence.NONE and gate.verdict in told
    ]
    return [["ℹ️ The policy lets these pass:"], noted[:GATES_SHOWN]] if noted else []


def _title(gate: GateResult) -> str:
    title = words_for(gate.name).title
    return f"**{title}**" if title != "Gate" else f"**{title} {inline(gate.name)}**"


def _reasoned(gate: GateResult, report: ReleaseReport) -> str:
    """Its title and its reason; where the reason is not for everybody, what may be said, and who tells the rest."""
    more = f"; {inline(command_line(report, 'status'))} tells more" if gate.for_all != gate.reason else ""
    return f"{_title(gate)}: {inline(gate.for_all)}{more}"


def reasons(report: ReleaseReport) -> Lines:
    """One entry per gate and target that stopped the release: name, reason as given, remedy and where to apply it."""
    gates = chain.from_iterable(_gate_entry(gate, report) for gate in stopping(report)[:GATES_SHOWN])
    targets = (
        f"- **{_target_title(target)}**: {inline(target.reason)}"
        for target in _troubled(report)[:INDEXES_SHOWN]
        if target.reason
    )
    lines = [*gates, *targets]
    if not lines and report.next and not report.state.open:
        lines = [f"- {inline(report.next)}"]
    return lines


def _gate_entry(gate: GateResult, report: ReleaseReport) -> Lines:
    words = words_for(gate.name)
    line = f"- {_reasoned(gate, report)}"
    if gate.consequence not in (Consequence.BLOCK, Consequence.FAIL):
        return [line]  # nobody's turn, or told once for the whole note
    if gate.verdict is Verdict.UNKNOWN:
        return [f"{line}\\", f"  {UNSEEN_REMEDY}"]
    page = f" {link(words.page_name, report.project_url + words.page)}." if words.page else ""
    remedy = words.branch_remedy if report.kind is RefKind.BRANCH else None
    return [f"{line}\\", f"  {remedy or words.remedy}{page}"]


def _troubled(report: ReleaseReport) -> tuple[TargetStatus, ...]:
    return tuple(
        target
        for target in report.targets
        if target.state in (TargetState.FAILED, TargetState.CONFLICT) and not target.name.startswith(("note:", "issue"))
    )


def _target_title(target: TargetStatus) -> str:
    kind, _, name = target.name.partition(":")
    if kind == "index":
        return f"Index {inline(name, NAME_LIMIT)}"
    if kind == "install":
        return f"Installing from {inline(name, NAME_LIMIT)}"
    return {"gitlab_release": "GitLab Release", "distributions": "Distributions"}.get(kind, inline(target.name))


def turn(report: ReleaseReport, then: str) -> list[Lines]:
    """Whose turn it is and the exact command."""
    failing = stopping(report)
    if report.unusable and not failing:
        again = "set a new tag" if report.kind is RefKind.TAG else "merge that"
        return [
            [f"**Whose turn it is:** {MAINTAINER}. Mend the job that builds and {again}; it is released by itself."]
        ]
    verb = "approve" if failing and all(gate.name == APPROVAL for gate in failing) else "resume"
    return [[f"**Whose turn it is:** {whose_turn(report)}. {then}"], [command(report, verb)]]


def whose_turn(report: ReleaseReport) -> str:
    """Who must act, as in "Whose turn it is: …"."""
    failing = stopping(report)
    if report.state is ReleaseState.CONFLICT and not failing:
        return words_for("index_guard").turn
    if report.unusable and not failing:
        return MAINTAINER
    return " and ".join(dict.fromkeys(_whose(gate, report) for gate in failing)) or OPERATOR


def _whose(gate: GateResult, report: ReleaseReport) -> str:
    if gate.verdict is Verdict.UNKNOWN:
        return OPERATOR
    if gate.name == APPROVAL and report.approval is not None:
        return approvers(report.approval)
    return words_for(gate.name).turn


def approvers(rule: ApprovalRule) -> str:
    """Whom policy asks for a yes."""
    who = f"{rule.role.word}s of the project who did not make it"
    return f"{who}, out of {', '.join(map(inline, rule.users))}" if rule.users else who


def awaited(report: ReleaseReport) -> Lines:
    """Whose yes a release that is under way waits for; no lines if it waits for none."""
    waits = any(gate.name == APPROVAL and gate.verdict is Verdict.FAIL for gate in stopping(report))
    return [f"**Whose turn it is:** {approvers(report.approval)}."] if waits and report.approval is not None else []
