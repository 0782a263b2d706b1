"""CI files as the tests of rules write them: short texts, read by the very adapter."""

from __future__ import annotations

from datetime import UTC, datetime
from textwrap import dedent, indent

from bot.adapters.ci.reading import read_ci
from bot.domain.ci import CiFacts, CiUnknown
from bot.domain.estate import ProjectFacts
from bot.domain.findings import Finding
from bot.domain.gitlab import VariableFlags, Variables
from bot.hygiene.catalogue import RULES

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
RULE = {rule.info.id: rule for rule in RULES}


def project(text: str, *flags: VariableFlags, at: datetime | None = NOW) -> ProjectFacts:
    """A project with that CI file."""
    return of(read_ci(dedent(text), merged=False), *flags, at=at)


def of(ci: CiFacts | CiUnknown | None, *flags: VariableFlags, at: datetime | None = NOW) -> ProjectFacts:
    """A project with those facts of its CI file."""
    return ProjectFacts(project_id=7, full_path="acme/widget", variables=Variables(flags=flags), ci=ci, at=at)


def script(*lines: str, keys: str = "") -> str:
    """A CI file whose one job, `deploy`, runs these lines."""
    body = "".join(f"    - |\n{indent(line, '      ')}\n" for line in lines)
    return f"deploy:\n  script:\n{body}" + (indent(dedent(keys).strip(), "  ") + "\n" if keys else "")


def uploading(*lines: str, keys: str = "") -> str:
    """The same, and then it uploads."""
    return script(*lines, "twine upload dist/*", keys=keys)


def judged(rule: str, facts: ProjectFacts) -> list[Finding]:
    """What one rule says."""
    return list(RULE[rule].judge(facts))
