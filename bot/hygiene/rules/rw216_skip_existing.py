"""RW216: twine refuses an option that most indexes cannot keep."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from bot.domain.ci import CiFacts
from bot.domain.findings import Finding, RuleInfo
from bot.domain.verdicts import Severity
from bot.hygiene.ci_judging import Fault, fault_of, judge_ci, option, publishing, uploads
from bot.hygiene.facts import ProjectFacts

INFO = RuleInfo(
    id="RW216",
    title="`--skip-existing` where twine does not support it",
    severity=Severity.MEDIUM,
    threat="twine knows from PyPI's answers alone that a file is there already. For any other index it stops "
    "with an error before the first upload: the release fails each time.",
    remedy="Remove the option; look first which files the index has, as `ropewalk release` does, or publish "
    "each version once.",
)

_PYPI = re.compile(r"(?:https://)?(?:upload\.|test\.)?pypi\.org(?:/|$)|pypi$|testpypi$")
_VARIABLES = ("TWINE_REPOSITORY_URL", "TWINE_REPOSITORY")


def judge(facts: ProjectFacts) -> Iterable[Finding]:
    """Where the upload names an address that is not PyPI's.

    Source: twine/settings.py, `verify_feature_capability`.
    """
    return judge_ci(INFO, facts, _faults)


def _faults(ci: CiFacts) -> Iterator[Fault]:
    for job in publishing(ci):
        if job.publisher != "twine":
            continue
        for command in uploads(job):
            address = option(command, "--repository-url", "-r", "--repository")
            for name in _VARIABLES:
                address = address or job.variables.get(name) or ci.variables.get(name)
            if "--skip-existing" in command.words and address and not _PYPI.match(address):
                yield fault_of(job, "it uploads with --skip-existing to an index that is not PyPI", command.line)
