"""Audit reports for tests: one a person might get, and arbitrary ones."""

from __future__ import annotations

from datetime import UTC, date, datetime

from hypothesis import strategies as st

from bot.domain.findings import AuditReport, Finding, RuleInfo, Waiver
from bot.domain.verdicts import Severity, Verdict

AT = datetime(2026, 11, 28, 6, 0, tzinfo=UTC)


def finding(
    rule: str = "RW101",
    severity: Severity = Severity.HIGH,
    *,
    verdict: Verdict = Verdict.FAIL,
    project: str = "acme/tools/widget",
    resource: str = "project/12/variables/TWINE_PASSWORD",
    scope: str = "*",
    line: int | None = None,
    waiver: Waiver | None = None,
) -> Finding:
    """A finding with everything a test does not speak of."""
    return Finding(
        rule=rule,
        severity=severity,
        verdict=verdict,
        project=project,
        resource=resource,
        scope=scope,
        line=line,
        reason=f"{resource.rpartition('/')[2]} is not as it should be.",
        remedy="Mend it.",
        waiver=waiver,
    )


def waiver(
    rule: str = "RW1", project: str = "acme/**", resource: str | None = None, *, expires: date = date(2027, 1, 31)
) -> Waiver:
    """A waiver by Ann."""
    return Waiver(rule=rule, project=project, resource=resource, owner="Ann", reason="Known.", expires=expires)


def report(
    *findings: Finding,
    unknown: tuple[Finding, ...] = (),
    waived: tuple[Finding, ...] = (),
    complete: bool = True,
) -> AuditReport:
    """One audit of 2,000 projects."""
    return AuditReport(
        at=AT,
        complete=complete,
        projects=2000,
        requests=57,
        seconds=4.1,
        findings=findings,
        unknown=unknown,
        waived=waived,
    )


def rule(
    id_: str = "RW101", severity: Severity = Severity.HIGH, title: str = "publishing credential not masked"
) -> RuleInfo:
    """A rule."""
    return RuleInfo(
        id=id_,
        title=title,
        severity=severity,
        threat="Whoever reads the job log can publish.",
        remedy="Mask the variable.",
    )


CATALOGUE = {
    info.id: info
    for info in (
        rule(),
        rule("RW102", title="publishing credential not protected"),
        rule("RW103", Severity.MEDIUM, "publishing credential not hidden"),
        rule("RW104", Severity.LOW, "publishing credential of every environment"),
        rule("RW201", title="hardcoded credential"),
        rule("RW301", Severity.MEDIUM, "release tags unprotected"),
    )
}

# Whatever a name may hold: unpaired surrogates, controls and bidirectional marks among them, and often.
texts = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from("\0\x1b\x7f\x85\r\n\t\u202e\u2028\ufeff\ufffe\U0001f600\ud800<&>\"'`=+-@{%]:#/\\"),
    ),
    max_size=40,
)
moments = st.integers(0, 4 * 10**9).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


def findings_of(verdict: Verdict) -> st.SearchStrategy[tuple[Finding, ...]]:
    """Findings with arbitrary texts; half of their rules stand in the catalogue."""
    waivers = st.builds(
        Waiver, rule=texts, project=texts, owner=texts, reason=texts, expires=st.dates(), resource=st.none() | texts
    )
    made = st.builds(
        Finding,
        rule=st.sampled_from(sorted(CATALOGUE)) | texts,
        severity=st.sampled_from(Severity),
        verdict=st.just(verdict),
        project=texts,
        resource=st.builds("project/1/{}".format, texts) | texts,
        reason=texts,
        remedy=texts,
        scope=texts,
        line=st.none() | st.integers(min_value=1, max_value=10**6),
        first_seen=st.none() | moments,
        waiver=waivers if verdict is Verdict.WAIVED else st.none(),
    )
    return st.lists(made, max_size=4).map(tuple)


reports = st.builds(
    AuditReport,
    at=moments,
    complete=st.booleans(),
    projects=st.integers(min_value=0, max_value=10**6),
    requests=st.integers(min_value=0, max_value=10**6),
    seconds=st.floats(min_value=0, max_value=10**6),
    findings=findings_of(Verdict.FAIL),
    unknown=findings_of(Verdict.UNKNOWN),
    waived=findings_of(Verdict.WAIVED),
    baselined=st.integers(min_value=0, max_value=9),
    filtered=st.integers(min_value=0, max_value=9),
)
catalogues = st.dictionaries(
    texts,
    st.builds(
        RuleInfo, id=texts, title=texts, severity=st.sampled_from(Severity), threat=texts, remedy=texts, page=texts
    ),
    max_size=3,
).map(lambda odd: CATALOGUE | {info.id: info for info in odd.values()})
