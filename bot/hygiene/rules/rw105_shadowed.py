"""RW105: a weak variable near the project hides a well-kept one above it."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.findings import Finding, RuleInfo
from bot.domain.gitlab import VariableFlags
from bot.domain.verdicts import Severity
from bot.hygiene.effective import nearness
from bot.hygiene.facts import Level, ProjectFacts
from bot.hygiene.judging import Judge, called
from bot.hygiene.publishing import credentials

INFO = RuleInfo(
    id="RW105",
    title="well-kept credential shadowed by a weaker one",
    severity=Severity.MEDIUM,
    threat="The organisation's token is masked and protected, yet jobs here get another of the same name that is "
    "not. Whoever looks at the group sees all in order.",
    remedy="Remove the nearer variable, or keep it as well as the one it shadows.",
)


def judge(facts: ProjectFacts) -> Iterable[Finding]:
    """A project's credential against those of the same name above it."""
    rule = Judge(INFO, facts)
    yield from rule.unread_variables()
    if facts.level is not Level.PROJECT:
        return
    found = credentials(facts)
    above: dict[str, dict[tuple[object, ...], VariableFlags]] = {}
    for far in found:
        if far.level != Level.PROJECT.value:
            # Of those that are alike the first will do: a project may have thousands of scopes.
            above.setdefault(far.key, {}).setdefault((nearness(far), far.masked, far.protected), far)
    for near in found:
        if near.level != Level.PROJECT.value:
            continue
        for far in above.get(near.key, {}).values():
            missing = _missing(near, far)
            if missing:
                yield rule.variable(near, f"{called(near)} is not {missing}, but {called(far)}, which it shadows, is")
                break


def _missing(near: VariableFlags, far: VariableFlags) -> str:
    """What the far one has that the near one lacks."""
    pairs = (("masked", near.masked, far.masked), ("protected", near.protected, far.protected))
    return " and ".join(word for word, here, there in pairs if there and not here)
