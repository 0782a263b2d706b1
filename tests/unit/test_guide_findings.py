"""The guide's two jobs: exactly what the rules about CI files say of them, and why, as people read it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from textwrap import fill

from bot.adapters.ci.reading import read_ci
from bot.domain.ci import CiFacts
from bot.domain.estate import Access
from bot.domain.findings import Finding
from bot.domain.gitlab import VariableFlags
from tests.unit.ci_texts import NOW, RULE, of, project
from tests.unit.hygiene_facts import access, variable

ROOT = Path(__file__).parents[2]
FIXTURE = ROOT / "tests/data/guide/gitlab-ci.yml"
GOLDEN = ROOT / "tests/data/guide/findings.md"
DOCUMENT = ROOT / "docs/guide-findings.md"
# The guide has its reader keep "TWINE_PASSWORD or TWINE_TOKEN"; the second is the more interesting choice.
KEPT = (variable("TWINE_USERNAME"), variable("TWINE_TOKEN"))


def facts() -> CiFacts:
    """What the adapter reads in the fixture."""
    found = read_ci(FIXTURE.read_text(), merged=False)
    assert isinstance(found, CiFacts)
    return found


def findings() -> list[Finding]:
    """What every rule about CI files says of it."""
    rules = [rule for name, rule in RULE.items() if name.startswith("RW2")]
    return [finding for rule in rules for finding in rule.judge(of(facts(), *KEPT))]


def told(found: list[Finding]) -> str:
    """The findings job by job, gravest first, each with what is wrong, what it leads to and what to do."""
    places = dict.fromkeys(finding.resource for finding in found)
    parts: list[str] = []
    for place in sorted(places, key=lambda one: ("#" in one, one)):
        name = place.partition("#")[2]
        parts.append(f"### `{name}`\n" if name else "### The file as a whole\n")
        here = sorted((one for one in found if one.resource == place), key=lambda one: (-one.severity, one.rule))
        parts += [_entry(finding) for finding in here]
    return "\n".join(parts)


def _entry(finding: Finding) -> str:
    info = RULE[finding.rule].info
    head = f"- **{finding.rule}** {info.title} ({finding.severity.word}, line {finding.line})"
    texts = (f"{finding.reason}.", info.threat, f"*{finding.remedy}*")
    body = "\n".join(
        fill(text, 116, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False) for text in texts
    )
    return f"{head}\n\n{body}\n"


def test_what_the_audit_says_of_the_guides_jobs() -> None:
    said = told(findings())
    if os.environ.get("ROPEWALK_GOLDEN") == "write":
        GOLDEN.write_text(said)
    assert said == GOLDEN.read_text()


def test_the_page_shows_the_jobs_and_what_is_said_of_them() -> None:
    page = DOCUMENT.read_text()
    assert FIXTURE.read_text() in page
    assert GOLDEN.read_text() in page


def test_the_jobs_well_kept_are_well_kept() -> None:
    well_kept = DOCUMENT.read_text().rsplit("```yaml\n", 1)[1].partition("```")[0]
    rules = [rule for name, rule in RULE.items() if name.startswith("RW2")]
    assert [finding for rule in rules for finding in rule.judge(project(well_kept))] == []


def test_what_the_rules_about_refs_say_of_the_guides_jobs() -> None:
    """They run for `main` alone: protected or not, that decides; tags are nothing to RW305."""
    password = variable("TWINE_PASSWORD", scope="*")

    def said(known: Access, flags: VariableFlags = password) -> dict[str, str]:
        found = replace(of(facts(), flags), access=known)
        return {one.rule: one.resource for name in ("RW301", "RW304", "RW305") for one in RULE[name].judge(found)}

    assert said(access()) == {}
    assert said(access(tags=())) == {"RW301": "project/7/protected_tags/v*"}
    unprotected = said(access(branches=()))
    assert unprotected["RW305"] == "project/7/protected_branches/main#TWINE_PASSWORD"
    assert "RW304" in unprotected
    assert "RW305" not in said(access(branches=()), variable("TWINE_TOKEN", scope="*"))


def test_what_is_said_when_the_day_is_another() -> None:
    earlier = of(facts(), *KEPT, at=NOW.replace(month=10))
    assert [finding.rule for finding in RULE["RW211"].judge(earlier)] == []
