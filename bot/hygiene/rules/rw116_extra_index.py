"""RW116: pip takes a name from whichever index has the higher version."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.findings import Finding, RuleInfo
from bot.domain.verdicts import Severity
from bot.hygiene.facts import ProjectFacts
from bot.hygiene.judging import Judge, called

INFO = RuleInfo(
    id="RW116",
    title="extra package index set for all jobs",
    severity=Severity.LOW,
    threat="With an extra index pip takes each package from wherever its version is highest: a stranger who "
    "registers an internal name on PyPI gets code into the jobs that publish. Its URL often carries a "
    "password as well.",
    remedy="Use one index that holds or proxies all (PIP_INDEX_URL), or pin by hash; keep passwords in masked "
    "variables.",
)
NAMES = frozenset({"PIP_EXTRA_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_INDEX", "PIPENV_EXTRA_INDEX_URL"})


def judge(facts: ProjectFacts) -> Iterable[Finding]:
    """Variables that add an index to every install."""
    rule = Judge(INFO, facts)
    yield from rule.unread_variables()
    for flags in facts.own:
        if flags.key in NAMES:
            masked = "" if flags.masked else ", and a password in its URL would not be masked"
            yield rule.variable(flags, f"{called(flags)} adds a package index to every job{masked}")
