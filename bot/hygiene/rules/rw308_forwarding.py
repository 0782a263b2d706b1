"""RW308: GitLab's registry sends pip to PyPI for names it does not hold."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.findings import Finding, RuleInfo
from bot.domain.verdicts import Severity
from bot.hygiene.facts import ProjectFacts, Unread
from bot.hygiene.judging import Judge

INFO = RuleInfo(
    id="RW308",
    title="private package names are looked up on PyPI",
    severity=Severity.LOW,
    threat="A name that the registry does not hold (deleted, misspelt, not yet released) is fetched from PyPI, "
    "where anybody may have registered it.",
    remedy="Switch package forwarding for PyPI off in the group's settings, or register your names on PyPI.",
)


def judge(facts: ProjectFacts) -> Iterable[Finding]:
    """The setting of the group of a project that publishes."""
    rule = Judge(INFO, facts)
    if facts.access is None:
        return
    forwards = facts.access.forwards_pypi
    group = facts.full_path.rpartition("/")[0]
    if isinstance(forwards, Unread):
        yield rule.unread(forwards, "package_settings")
    elif forwards:
        reason = f"the registry of group {group} forwards unknown names to PyPI"
        yield rule.fails(f"group/{group}/package_settings/pypi_package_requests_forwarding", reason)
