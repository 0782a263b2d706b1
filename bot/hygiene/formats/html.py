"""HTML: one file without any other, to read, sort, search and print; it works without its script as well.

A policy in the page lets nothing run and nothing style but what is ours, by hash, and lets nothing be fetched: a name
that broke out of its escaping would still do nothing.
"""

from __future__ import annotations

import base64
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup, escape

from bot.domain.findings import AuditReport, Finding, RuleInfo
from bot.domain.verdicts import Severity, Verdict
from bot.hygiene.formats.options import PLAIN, Catalogue, Options
from bot.hygiene.formats.places import owner_of
from bot.hygiene.formats.rules import page_of, rule_of
from bot.hygiene.formats.summary import accepted_by, caveats, counted, headline
from bot.hygiene.spelling import rfc3339, visible

_CODE = re.compile(r"`([^`]+)`")
_BARS_SHOWN = 8  # in each of the two lists above the findings
_GRAVEST_FIRST = sorted(Severity, reverse=True)
# What sorting by severity adds: all that fails stands before all that is unknown, and that before what is waived.
_STANDING = {Verdict.FAIL: 20, Verdict.UNKNOWN: 10, Verdict.WAIVED: 0}
_KINDS = (*(severity.word for severity in _GRAVEST_FIRST), "unknown", "waived")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """A way to be in the list: failing with a severity, unknown, or waived."""

    name: str
    count: int
    shown: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """One finding; all texts as shown. `place` is its rule's in the list of rules."""

    kind: str
    gravity: int
    severity: str
    rule: str
    place: int
    title: Markup
    reason: Markup
    remedy: Markup
    project: str
    resource: str
    scope: str
    seen: str
    accepted: str
    waiver: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tally:
    """How many findings one rule or project has. `bar` is (kind, from, length) in per cent of the longest bar."""

    name: str
    total: str
    bar: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    """One rule that has findings, and what it says."""

    id: str
    place: int
    title: Markup
    threat: Markup
    remedy: Markup
    page: str


def render(report: AuditReport, catalogue: Catalogue, options: Options = PLAIN) -> str:
    """The page."""
    return _template().render(page=_page(report, catalogue, options)) + "\n"


def _page(report: AuditReport, catalogue: Catalogue, options: Options) -> dict[str, object]:
    findings = (*report.findings, *report.unknown, *report.waived)
    rules = sorted({f.rule: rule_of(f, catalogue) for f in findings}.items())
    places = {id_: place for place, (id_, _) in enumerate(rules)}
    counts = dict.fromkeys(_KINDS, 0)
    for finding in findings:
        counts[_kind_of(finding)] += 1
    by_rule = _tallies((finding.rule, finding) for finding in report.findings)
    by_project = _tallies((owner_of(finding), finding) for finding in report.findings)
    at = report.at
    return {
        "at": rfc3339(at),
        "day": f"{at.day} {at:%B} {at.year}",
        "when": f"{at.day} {at:%B} {at.year}, {at:%H:%M} UTC",
        "version": visible(options.version),
        "projects": counted(report.projects, "project"),
        "effort": f"{counted(report.requests, 'request')} to GitLab in {report.seconds:.1f} s",
        "headline": headline(report),
        "caveats": [visible(sentence) for sentence in caveats(report)],
        "clean": report.complete and not report.findings and not report.unknown,
        "empty": "There is nothing to mend." if report.complete else "Nothing was found before the audit ended.",
        "kinds": [_Kind(name=name, count=count, shown=f"{count:,}") for name, count in counts.items()],
        "rows": [_row(finding, places[finding.rule], catalogue) for finding in findings],
        "rules": [_rule(rule, place, options) for place, (_, rule) in enumerate(rules)],
        "by_rule": [(_rule(dict(rules)[id_], places[id_], options), tally) for id_, tally in by_rule],
        "by_project": [tally for _, tally in by_project],
        **_assets(),
    }


def _kind_of(finding: Finding) -> str:
    return finding.severity.word if finding.verdict is Verdict.FAIL else finding.verdict.value


def _row(finding: Finding, place: int, catalogue: Catalogue) -> _Row:
    rule = rule_of(finding, catalogue)
    line = f":{finding.line}" if finding.line is not None else ""
    waived = finding.verdict is Verdict.WAIVED
    return _Row(
        kind=_kind_of(finding),
        gravity=finding.severity + _STANDING[finding.verdict],
        severity=finding.severity.word,
        rule=visible(rule.id),
        place=place,
        title=_prose(rule.title),
        reason=_prose(finding.reason),
        remedy=_prose(finding.remedy),
        project=visible(owner_of(finding)),
        resource=visible(finding.resource) + line,
        scope="" if finding.scope == "*" else visible(finding.scope),
        seen="" if finding.first_seen is None else rfc3339(finding.first_seen),
        accepted="W" + visible(accepted_by(finding))[1:] if waived else "",
        waiver="" if finding.waiver is None else f": {visible(finding.waiver.reason)}",
    )


def _prose(text: str) -> Markup:
    """A sentence, escaped; what stands between backticks is code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(visible(text)))))  # noqa: S704  (escaped just before)


def _rule(rule: RuleInfo, place: int, options: Options) -> _Rule:
    return _Rule(
        id=visible(rule.id),
        place=place,
        title=_prose(rule.title),
        threat=_prose(rule.threat),
        remedy=_prose(rule.remedy),
        page=page_of(rule, options),
    )


def _tallies(named: Iterable[tuple[str, Finding]]) -> list[tuple[str, _Tally]]:
    """For each name how many findings of each kind it has; those with the most, the most first."""
    counts: dict[str, Counter[str]] = {}
    for name, finding in named:
        counts.setdefault(name, Counter())[_kind_of(finding)] += 1
    ranked = sorted(counts.items(), key=lambda item: (-item[1].total(), item[0]))[:_BARS_SHOWN]
    longest = ranked[0][1].total() if ranked else 1
    return [
        (name, _Tally(name=visible(name), total=f"{kinds.total():,}", bar=_bar(kinds, longest)))
        for name, kinds in ranked
    ]


def _bar(kinds: Counter[str], longest: int) -> tuple[tuple[str, str, str], ...]:
    pieces, start = [], 0.0
    for kind in _KINDS:
        length = 100 * kinds[kind] / longest
        if length:
            pieces.append((kind, f"{start:.2f}", f"{length:.2f}"))
        start += length
    return tuple(pieces)


@cache
def _template() -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(_part("report.html"))


@cache
def _assets() -> dict[str, str]:
    """Style and script as they stand in the page, and their hashes for its policy."""
    style, script = _part("report.css"), _part("report.js")
    return {
        "style": Markup(style),  # noqa: S704  (our own file)
        "script": Markup(script),  # noqa: S704  (our own file)
        "style_hash": _hash(style),
        "script_hash": _hash(script),
    }


def _part(name: str) -> str:
    """A file of the page. It is package data, read once, as the interpreter reads a module."""
    return (files("bot.hygiene.formats") / "page" / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(sha256(text.encode()).digest()).decode()}"
