"""What a report says of a finding's rule, and where one can read on."""

from __future__ import annotations

from urllib.parse import quote

from bot.domain.findings import Finding, RuleInfo
from bot.hygiene.formats.options import Catalogue, Options

# What a family of rules rests on, for rules that name no page of their own.
_PAGES = {
    "RW1": "https://docs.gitlab.com/ci/variables/",
    "RW2": "https://docs.gitlab.com/ci/yaml/",
    "RW3": "https://docs.gitlab.com/user/project/repository/branches/protected/",
}
_ANY_PAGE = "https://docs.gitlab.com/ci/pipeline_security/"


def rule_of(finding: Finding, catalogue: Catalogue) -> RuleInfo:
    """The finding's rule; where the catalogue lacks it (a report of another version), what the finding itself says."""
    return catalogue.get(finding.rule) or RuleInfo(
        id=finding.rule, title=finding.rule, severity=finding.severity, threat="", remedy=finding.remedy
    )


def page_of(rule: RuleInfo, options: Options) -> str:
    """An https address about the rule: its own page where they are published, else what it rests on."""
    if options.docs:
        return options.docs.replace("{rule}", quote(rule.id, safe="", errors="replace"))
    if rule.page.startswith("https://") and rule.page.isascii() and rule.page.isprintable() and " " not in rule.page:
        return rule.page
    return _PAGES.get(rule.id[:3], _ANY_PAGE)
