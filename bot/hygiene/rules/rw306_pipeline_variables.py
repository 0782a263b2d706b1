"""RW306: a variable given when a pipeline is started wins over every setting."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.findings import Finding, RuleInfo
from bot.domain.verdicts import Severity
from bot.hygiene.facts import ProjectFacts, Unread
from bot.hygiene.judging import Judge

INFO = RuleInfo(
    id="RW306",
    title="Developers may start pipelines with variables",
    severity=Severity.MEDIUM,
    threat="Whoever starts a pipeline can set TWINE_REPOSITORY_URL for it, and the publishing job hands the real "
    "token to a server of their choice.",
    remedy="Set `Minimum role to use pipeline variables` to `no one allowed` (or Maintainer), and use inputs instead.",
)


def judge(facts: ProjectFacts) -> Iterable[Finding]:
    """The project's own setting. Source: doc/ci/variables/_index.md, "Restrict pipeline variables"."""
    rule = Judge(INFO, facts)
    if facts.access is None:
        return
    settings = facts.access.settings
    if isinstance(settings, Unread):
        yield rule.unread(settings, "settings")
    elif settings.variables_role is None:
        remedy = "Maintainer of the project sees the setting: give the token's user that role"
        yield rule.unknown(f"{facts.place}/settings", "GitLab does not tell who may use pipeline variables", remedy)
    elif settings.variables_role == "developer":
        yield rule.fails(
            f"{facts.place}/settings/ci_pipeline_variables_minimum_override_role",
            "Developers may override any variable of a pipeline they start",
        )
