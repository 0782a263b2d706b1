"""RW215: what goes over plain HTTP is read and changed on the way."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from bot.domain.ci import CiFacts
from bot.domain.findings import Finding, RuleInfo
from bot.domain.verdicts import Severity
from bot.hygiene.ci_judging import Fault, fault_of, judge_ci, option, publishing, uploads
from bot.hygiene.facts import ProjectFacts

INFO = RuleInfo(
    id="RW215",
    title="upload over plain HTTP",
    severity=Severity.HIGH,
    threat="The password goes over the network as it is, and whoever stands in between may take it or swap the "
    "distributions.",
    remedy="Use the https address of the index.",
)

_OPTIONS = ("--repository-url", "--publish-url", "--index-url", "--repo", "-r", "--repository")
_VARIABLES = (
    "TWINE_REPOSITORY_URL",
    "TWINE_REPOSITORY",
    "UV_PUBLISH_URL",
    "FLIT_INDEX_URL",
    "HATCH_INDEX_REPO",
    "PDM_PUBLISH_REPO",
)
_PLAIN = re.compile(r"http://(?!localhost\b|127\.|\[::1\])", re.IGNORECASE)


def judge(facts: ProjectFacts) -> Iterable[Finding]:
    """The address in the command, in the job's variables or in the file's; this machine itself does not count."""
    return judge_ci(INFO, facts, _faults)


def _faults(ci: CiFacts) -> Iterator[Fault]:
    for job in publishing(ci):
        for command in uploads(job):
            if _PLAIN.match(option(command, *_OPTIONS) or ""):
                yield fault_of(job, "the address in its command begins with http://", command.line)
        for name in _VARIABLES:
            if _PLAIN.match(job.variables.get(name, ci.variables.get(name, ""))):
                yield fault_of(job, f"the address in {name} begins with http://", job.line_of("variables"))
