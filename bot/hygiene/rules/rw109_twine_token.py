"""RW109: twine reads TWINE_PASSWORD. TWINE_TOKEN is a guess that many make."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.findings import Finding, RuleInfo
from bot.domain.verdicts import Severity
from bot.hygiene.facts import ProjectFacts
from bot.hygiene.judging import Judge, called
from bot.hygiene.publishing import PASSWORD, used_names
from bot.hygiene.uploading import NEVER_READ as NAME

INFO = RuleInfo(
    id="RW109",
    title="`TWINE_TOKEN` is set, which twine never reads",
    severity=Severity.LOW,
    threat="The token is kept and leaks like any other, but no upload uses it: twine asks for a password and fails.",
    remedy="Call it TWINE_PASSWORD, with TWINE_USERNAME `__token__`, and remove TWINE_TOKEN.",
)


def judge(facts: ProjectFacts) -> Iterable[Finding]:
    """TWINE_TOKEN without TWINE_PASSWORD, unless a publishing job hands it on itself.

    Source: twine/settings.py reads TWINE_USERNAME and TWINE_PASSWORD.
    """
    rule = Judge(INFO, facts)
    yield from rule.unread_variables()
    if NAME in used_names(facts) or any(flags.key == PASSWORD for flags in facts.variables.flags):
        return
    for flags in facts.own:
        if flags.key == NAME:
            yield rule.variable(flags, f"{called(flags)} is never read by twine, and there is no {PASSWORD}")
