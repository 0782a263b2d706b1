"""JUnit XML, for the test report of a pipeline: a suite for each project, a test for each finding.

What fails is a failure, what could not be judged an error (it is not passed), what is waived is skipped. One test says
whether the audit itself came to its end, so that a clean report is not an empty one.

Source: the schema of Jenkins' xUnit plugin (junit-10.xsd); GitLab, lib/gitlab/ci/parsers/test/junit.rb.
"""

from __future__ import annotations

from itertools import chain

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite
from junitparser.junitparser import FinalResult

from bot.domain.findings import AuditReport, Finding
from bot.domain.verdicts import Verdict
from bot.hygiene.formats.options import PLAIN, Catalogue, Options
from bot.hygiene.formats.places import owner_of
from bot.hygiene.formats.rules import page_of, rule_of
from bot.hygiene.formats.summary import INCOMPLETE, accepted_by
from bot.hygiene.spelling import rfc3339, visible

_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
_NAME = "ropewalk audit"


def render(report: AuditReport, catalogue: Catalogue, options: Options = PLAIN) -> str:
    """One `testsuites` document."""
    by_project: dict[str, list[TestCase]] = {}
    for finding in chain(report.findings, report.unknown, report.waived):
        by_project.setdefault(owner_of(finding), []).append(_test(finding, catalogue, options))
    root = JUnitXml(_NAME)
    suites = [_suite(_NAME, [_whole(report)], report)]
    suites += [_suite(visible(project), tests, report) for project, tests in by_project.items()]
    for suite in suites:
        # `add_testsuite` compares each suite with all before it; ours are different already.
        root.append(suite)  # type: ignore[no-untyped-call]  # the library's own gap
    root.tests = sum(suite.tests for suite in suites)
    root.failures = sum(suite.failures for suite in suites)
    root.errors = sum(suite.errors for suite in suites)
    text: str = root.tostring().decode("utf-8")  # type: ignore[no-untyped-call]  # the library's own gap
    return _DECLARATION + text.removeprefix("<?xml version='1.0' encoding='utf-8'?>\n") + "\n"


def _suite(name: str, tests: list[TestCase], report: AuditReport) -> TestSuite:
    suite = TestSuite(name)
    suite.timestamp = rfc3339(report.at)
    suite.add_testcases(tests)
    return suite


def _whole(report: AuditReport) -> TestCase:
    test = TestCase("the audit is complete", _NAME)
    if not report.complete:
        test.result = Error(INCOMPLETE, "incomplete")
    return test


def _test(finding: Finding, catalogue: Catalogue, options: Options) -> TestCase:
    rule = rule_of(finding, catalogue)
    line = f":{finding.line}" if finding.line is not None else ""
    scope = f" ({finding.scope})" if finding.scope != "*" else ""
    test = TestCase(visible(f"{rule.id} {finding.resource}{line}{scope}"), visible(owner_of(finding)))
    result = _result(finding, visible(f"{rule.id} {rule.title}"))
    said = (finding.reason, finding.remedy, rule.threat, page_of(rule, options))
    result.text = "\n".join(visible(sentence) for sentence in said if sentence)
    test.result = result
    return test


def _result(finding: Finding, title: str) -> FinalResult:
    if finding.verdict is Verdict.UNKNOWN:
        return Error(f"could not be judged: {title}", "unknown")
    if finding.verdict is Verdict.WAIVED:
        return Skipped(f"{visible(accepted_by(finding))}: {title}", "waived")
    return Failure(f"{finding.severity.word}: {title}", finding.severity.word)
