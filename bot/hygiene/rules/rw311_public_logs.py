"""RW311: logs that everybody may read make every other mistake public."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.findings import Finding, RuleInfo
from bot.domain.verdicts import Severity
from bot.hygiene.facts import ProjectFacts, Unread
from bot.hygiene.judging import Judge
from bot.hygiene.publishing import credentials

INFO = RuleInfo(
    id="RW311",
    title="job logs are public where a credential is not masked",
    severity=Severity.HIGH,
    threat="Everybody on the internet may read the job logs, and the token is not masked in them: one verbose "
    "command publishes it.",
    remedy="Mask the variable and rotate its value; or switch `Project-based pipeline visibility` off.",
)


def judge(facts: ProjectFacts) -> Iterable[Finding]:
    """Projects that are not private, with public jobs and an unmasked publishing credential."""
    rule = Judge(INFO, facts)
    if facts.access is None:
        return
    settings = facts.access.settings
    if isinstance(settings, Unread):
        yield rule.unread(settings, "settings")
        return
    bare = sorted({flags.key for flags in credentials(facts) if not flags.masked})
    if settings.public_jobs and settings.visibility != "private" and bare:
        reason = f"the project is {settings.visibility}, its job logs can be read, and {', '.join(bare)} is not masked"
        yield rule.fails(f"{facts.place}/settings/public_jobs", reason)
