"""A credential that leaks makes every release after it worthless: publishing variables are masked and protected.

Which those are is said once, in `bot.domain.variable_names`, and by policy (`hygiene.variables`).

Source: the guide, "Setting Up Secrets"; DESIGN, "Hygiene gate".
"""

from __future__ import annotations

from collections.abc import Collection

from bot.domain.gitlab import Level, VariableFlags, Variables
from bot.domain.variable_names import publishes, severity
from bot.domain.verdicts import Consequence, GateResult, Severity, Verdict
from bot.release.facts import Facts, Look, LookKind, Unreadable, Wanted

NAME = "hygiene"


def judge(wanted: Wanted, facts: Facts) -> GateResult | Look:
    """Fail on a publishing credential that is not masked or not protected, at the severity policy blocks at."""
    if facts.variables is None:
        return Look(LookKind.VARIABLES)
    if isinstance(facts.variables, Unreadable):
        # Policy may let a level pass that our role cannot read; that nothing at all could be read is another matter.
        return GateResult(
            name=NAME,
            verdict=Verdict.UNKNOWN,
            reason=f"variables cannot be read: {facts.variables.reason}",
            consequence=Consequence.BLOCK,
        )
    variables = facts.variables.value
    named = wanted.hygiene.variables
    publishing = [flags for flags in variables.flags if _severity(flags, named) is not None]
    weak = [(flags, weakness) for flags in publishing if (weakness := _weakness(flags))]
    block_at = wanted.hygiene.block_at
    if block_at is not None:
        stopping = [(f, w) for f, w in weak if (found := _severity(f, named)) is not None and found >= block_at]
        if stopping:
            reason = "; ".join(_sentence(flags, weakness) for flags, weakness in stopping)
            return GateResult(name=NAME, verdict=Verdict.FAIL, reason=reason, consequence=Consequence.BLOCK)
    good = _summary(publishing, weak)
    if variables.unreadable:
        return _unknown(wanted, variables, good)
    return GateResult(name=NAME, verdict=Verdict.PASS, reason=good)


def _severity(flags: VariableFlags, named: Collection[str]) -> Severity | None:
    """How bad it is if this variable leaks; None for variables that publish nothing secret."""
    chosen = flags.key in named
    return severity(flags.key, named=chosen) if chosen or publishes(flags.key) else None


def _weakness(flags: VariableFlags) -> str:
    missing = [word for word, there in (("masked", flags.masked), ("protected", flags.protected)) if not there]
    return " and ".join(f"not {word}" for word in missing)


def _sentence(flags: VariableFlags, weakness: str) -> str:
    scope = "" if flags.environment_scope == "*" else f" (scope {flags.environment_scope})"
    return (
        f"{flags.key}{scope} of {flags.level} {flags.owner} is {weakness}: set its flags under Settings > CI/CD > "
        "Variables, rotate the value since job logs may hold it, then resume"
    )


def _summary(publishing: list[VariableFlags], weak: list[tuple[VariableFlags, str]]) -> str:
    if not publishing:
        return "no publishing variable in sight"
    keys = {flags.key for flags in publishing}
    names = ", ".join(sorted(keys))
    if "TWINE_TOKEN" in keys and "TWINE_PASSWORD" not in keys:
        names += " (twine itself never reads TWINE_TOKEN: a job that uploads must set TWINE_PASSWORD)"
    if not weak:
        return f"{names}: masked and protected"
    below = "; ".join(f"{flags.key} is {weakness}" for flags, weakness in weak)
    return f"{names}: below the blocking severity: {below}"


def _unknown(wanted: Wanted, variables: Variables, good: str) -> GateResult:
    """Policy speaks of the levels above the project; a role that cannot read the project's own may not release it."""
    blind = any(hidden.level is Level.PROJECT for hidden in variables.unreadable)
    stop = blind or wanted.hygiene.block_unknown
    remedy = ""
    if blind:
        remedy = "; make the bot's user a Maintainer of the project, then resume"
    elif stop:
        remedy = "; give the token a role that reads them, or set hygiene.unknown: warn"
    hidden_words = ", ".join(hidden.words for hidden in variables.unreadable)
    return GateResult(
        name=NAME,
        verdict=Verdict.UNKNOWN,
        reason=f"{good}; not readable with this token: {hidden_words}{remedy}",
        consequence=Consequence.BLOCK if stop else Consequence.NONE,
    )
