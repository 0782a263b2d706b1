"""A credential that leaks makes every release after it worthless: publishing variables are masked and protected.

Which those are is said once, in `bot.domain.variable_names`, by policy (`hygiene.variables`), and by the jobs that
publish: what they read is asked for only where it matters, since that costs a look at the CI file.

Source: the guide, "Setting Up Secrets"; DESIGN, "Hygiene gate".
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from bot.domain.gitlab import Level, VariableFlags, Variables
from bot.domain.variable_names import publishes, severity
from bot.domain.verdicts import Consequence, GateResult, Severity, Verdict
from bot.release.facts import Facts, Look, LookKind, Unreadable, Wanted
from bot.release.publishing import names_used

NAME = "hygiene"
# What the audit calls these findings: the catalogue's rules of the same names.
RULES = {"masked": "RW101", "protected": "RW102"}
MEND = "set the flags under Settings > CI/CD > Variables, rotate what job logs may hold, then resume"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Used:
    """What the publishing jobs read. `unknown` says why that is not all, `may_pass` whether policy lets that pass."""

    names: frozenset[str] = frozenset()
    unknown: str = ""
    may_pass: bool = False


def judge(wanted: Wanted, facts: Facts) -> GateResult | Look:
    """Fail on a publishing credential that is not masked or not protected, at the severity policy blocks at."""
    if facts.variables is None:
        return Look(LookKind.VARIABLES)
    if isinstance(facts.variables, Unreadable):
        # Policy may let a level pass that our role cannot read; that nothing at all could be read is another matter.
        unread = f"variables cannot be read: {facts.variables.reason}"
        return _blocked(Verdict.UNKNOWN, _Said(unread, unread))
    variables = facts.variables.value
    doubtful = _doubtful(wanted, variables)
    used = _used(wanted, facts) if doubtful else _Used()
    if isinstance(used, Look):
        return used
    names = wanted.hygiene.variables
    found = [(flags, grade) for flags in variables.flags if (grade := _severity(flags, names, used.names)) is not None]
    publishing = [flags for flags, _ in found]
    weak = [(flags, weakness) for flags in publishing if (weakness := _weakness(flags))]
    block_at = wanted.hygiene.block_at
    stopping = [flags for flags, grade in found if block_at is not None and grade >= block_at and _weakness(flags)]
    if stopping:
        named = "; ".join(_sentence(flags, used.names) for flags in stopping)
        return _blocked(Verdict.FAIL, _Said(named, f"{_counted(stopping)}: {MEND}"))
    good = _Said(_summary(publishing, weak, variables), _discreet(publishing, weak, variables))
    if used.unknown:
        keys = ", ".join(sorted({flags.key for flags in doubtful}))
        good = good.and_("; cannot tell whether a job that publishes reads ", keys, f"{len(doubtful)} of the variables")
        good = good.and_(f": {used.unknown}")
        if not used.may_pass or wanted.hygiene.block_unknown:
            return _blocked(Verdict.UNKNOWN, good.and_("; mask and protect what is a credential, then resume"))
    if variables.unreadable:
        return _unknown(wanted, variables, good)
    return good.result(Verdict.UNKNOWN if used.unknown else Verdict.PASS)


@dataclass(frozen=True, slots=True)
class _Said:
    """A reason, and the same without the names of variables: those are for the project's own people."""

    reason: str
    discreet: str

    def and_(self, text: str, names: str = "", instead: str = "") -> _Said:
        """With something added to both, and names, or what stands instead of them, behind it."""
        return _Said(f"{self.reason}{text}{names}", f"{self.discreet}{text}{instead or names}")

    def result(self, verdict: Verdict, consequence: Consequence = Consequence.NONE) -> GateResult:
        """As the gate says it."""
        return GateResult(
            name=NAME, verdict=verdict, reason=self.reason, consequence=consequence, discreet=self.discreet
        )


def _blocked(verdict: Verdict, said: _Said) -> GateResult:
    return said.result(verdict, Consequence.BLOCK)


def _doubtful(wanted: Wanted, variables: Variables) -> list[VariableFlags]:
    """Weak credentials whose names do not say that they publish: what they are for only the jobs tell."""
    block_at, names = wanted.hygiene.block_at, wanted.hygiene.variables
    return [
        flags
        for flags in variables.flags
        if block_at is not None
        and _weakness(flags)
        and _severity(flags, names, ()) is None
        and (grade := severity(flags.key)) is not None
        and grade >= block_at
    ]


def _used(wanted: Wanted, facts: Facts) -> _Used | Look:
    if facts.pipeline is None:
        return Look(LookKind.PIPELINE)  # how it came to be says which jobs are in it
    if facts.planned is None:
        return Look(LookKind.CI_FILE)
    if isinstance(facts.planned, Unreadable):
        return _Used(unknown=facts.planned.reason)
    planned = facts.planned.value
    if planned is None:
        return _Used()
    unknown = "" if planned.whole else "the CI file includes what this token may not read"
    return _Used(names=names_used(wanted, planned), unknown=unknown, may_pass=True)


def _severity(flags: VariableFlags, named: Collection[str], used: Collection[str]) -> Severity | None:
    """How bad it is if this variable leaks; None for variables that publish nothing secret."""
    chosen = flags.key in named
    return severity(flags.key, named=chosen) if chosen or publishes(flags.key) or flags.key in used else None


def _weakness(flags: VariableFlags) -> str:
    return " and ".join(f"not {word}" for word in _missing(flags))


def _missing(flags: VariableFlags) -> list[str]:
    return [word for word, there in (("masked", flags.masked), ("protected", flags.protected)) if not there]


def _counted(weak: Collection[VariableFlags]) -> str:
    """How many they are, what they lack, and by which rules; not which."""
    lacks = [word for word in RULES if any(word in _missing(flags) for flags in weak)]
    verb = "is" if len(weak) == 1 else "are"
    rules = " and ".join(RULES[word] for word in lacks)
    return f"{_number(weak)} {verb} {' or '.join(f'not {word}' for word in lacks)} ({rules})"


def _number(variables: Collection[VariableFlags]) -> str:
    return f"{len(variables)} publishing variable{'' if len(variables) == 1 else 's'}"


def _sentence(flags: VariableFlags, used: Collection[str]) -> str:
    why = ", which a job that publishes reads," if flags.key in used and not publishes(flags.key) else ""
    scope = "" if flags.environment_scope == "*" else f" (scope {flags.environment_scope})"
    return (
        f"{flags.key}{scope} of {flags.level} {flags.owner}{why} is {_weakness(flags)}: set its flags under Settings > "
        "CI/CD > Variables, rotate the value since job logs may hold it, then resume"
    )


def _summary(publishing: list[VariableFlags], weak: list[tuple[VariableFlags, str]], variables: Variables) -> str:
    if not publishing:
        others = any(severity(flags.key) is Severity.HIGH and not _weakness(flags) for flags in variables.flags)
        return "no publishing variable in sight" + (" that is not masked and protected" if others else "")
    keys = {flags.key for flags in publishing}
    names = ", ".join(sorted(keys))
    if "TWINE_TOKEN" in keys and "TWINE_PASSWORD" not in keys:
        names += " (twine itself never reads TWINE_TOKEN: a job that uploads must set TWINE_PASSWORD)"
    if not weak:
        return f"{names}: masked and protected"
    below = "; ".join(f"{flags.key} is {weakness}" for flags, weakness in weak)
    return f"{names}: below the blocking severity: {below}"


def _discreet(publishing: list[VariableFlags], weak: list[tuple[VariableFlags, str]], variables: Variables) -> str:
    """The summary without names."""
    if not publishing:
        return _summary(publishing, weak, variables)
    if not weak:
        return f"{_number(publishing)}, masked and protected"
    return f"{_number(publishing)}; below the blocking severity {_counted([flags for flags, _ in weak])}"


def _unknown(wanted: Wanted, variables: Variables, good: _Said) -> GateResult:
    """Policy speaks of the levels above the project; a role that cannot read the project's own may not release it."""
    blind = any(hidden.level is Level.PROJECT for hidden in variables.unreadable)
    stop = blind or wanted.hygiene.block_unknown
    remedy = ""
    if blind:
        remedy = "; make the bot's user a Maintainer of the project, then resume"
    elif stop:
        remedy = "; give the token a role that reads them, or set hygiene.unknown: warn"
    hidden_words = ", ".join(hidden.words for hidden in variables.unreadable)
    said = good.and_(f"; not readable with this token: {hidden_words}{remedy}")
    return said.result(Verdict.UNKNOWN, Consequence.BLOCK if stop else Consequence.NONE)
