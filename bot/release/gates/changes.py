"""What a release changes against the one before needs a person's yes, where policy says so (`releases[].hold_on`)."""

from __future__ import annotations

from bot.domain.anatomy import Differences
from bot.domain.refs import Target
from bot.domain.verdicts import Consequence, GateResult, Verdict
from bot.release.facts import Facts, Look, LookKind, Seen, Wanted

NAME = "changes"


def judge(wanted: Wanted, facts: Facts) -> GateResult | Look | None:
    """Pass where nothing differs that policy holds on, a person accepted exactly that, or nothing is left to send.

    What could not be compared is held on like a difference. None where policy holds on nothing.
    """
    if not wanted.rule.hold_on:
        return None
    if facts.files is None:
        return Look(LookKind.FILES)
    if facts.files.value.problems:
        return GateResult(name=NAME, verdict=Verdict.NOT_APPLICABLE, reason="there are no usable distributions")
    if not facts.files.value.files:
        return GateResult(name=NAME, verdict=Verdict.NOT_APPLICABLE, reason="there are no files at hand to compare")
    for spec in wanted.indexes:
        if spec.name not in facts.indexes:
            return Look(LookKind.INDEX, index=spec.name)
    if facts.differences is None:
        return Look(LookKind.DIFFERENCES)
    return _judge(wanted, facts, facts.differences.value)


def _judge(wanted: Wanted, facts: Facts, seen: Differences) -> GateResult:
    if seen.since is None:
        return _pass("no earlier version stands on any index: there is nothing to compare with")
    since = f"since {seen.since} on {seen.index}"
    told = "; ".join([*(one.words for one in seen.found), *seen.unread])
    held = [one.words for one in seen.found if one.kind in wanted.rule.hold_on]
    if not held and not seen.unread:
        return _pass(f"{since}: {told}" if told else f"{since}: the same files in all that is compared")
    if _everything_stands(wanted, facts):
        return _pass(f"nothing is left to upload; {since}: {told}")
    accepted = next((one for one in wanted.accepted if one.digest == seen.digest), None)
    if accepted is not None:
        return _pass(f"accepted by {accepted.by} on {accepted.at:%Y-%m-%d}; {since}: {told}")
    target = Target(wanted.project.full_path, wanted.id.ref).typed
    way_out = f"To accept exactly this: `ropewalk release resume {target} --accept-changes {seen.digest}`"
    return GateResult(
        name=NAME,
        verdict=Verdict.FAIL if held else Verdict.UNKNOWN,
        reason=f"{since}: {'; '.join([*held, *seen.unread])}. {way_out}",
        consequence=Consequence.BLOCK,
    )


def _everything_stands(wanted: Wanted, facts: Facts) -> bool:
    files = facts.files.value.files if facts.files else ()
    seen = [facts.indexes.get(spec.name) for spec in wanted.indexes]
    return all(isinstance(one, Seen) and all(one.value.lists(file) for file in files) for one in seen)


def _pass(reason: str) -> GateResult:
    return GateResult(name=NAME, verdict=Verdict.PASS, reason=reason)
