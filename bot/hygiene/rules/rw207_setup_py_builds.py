"""RW207: the old way of building takes what is installed and asks nobody."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bot.domain.ci import CiFacts
from bot.domain.findings import Finding, RuleInfo
from bot.domain.verdicts import Severity
from bot.hygiene.ci_judging import Fault, fault_of, judge_ci
from bot.hygiene.facts import ProjectFacts

INFO = RuleInfo(
    id="RW207",
    title="distributions built with `setup.py`",
    severity=Severity.LOW,
    threat="`setup.py sdist bdist_wheel` ignores what pyproject.toml asks for, builds with whatever the image "
    "holds, and its commands are deprecated: the release differs from machine to machine.",
    remedy="Build with `python -m build` (or `uv build`), which makes both in an isolated environment.",
)

_COMMANDS = ("sdist", "bdist_wheel", "bdist_egg", "bdist", "upload", "register")


def judge(facts: ProjectFacts) -> Iterable[Finding]:
    """Any job that calls a distribution command of setup.py.

    Source: setuptools, "setup.py install is deprecated"; packaging.python.org, "Is setup.py deprecated?".
    """
    return judge_ci(INFO, facts, _faults)


def _faults(ci: CiFacts) -> Iterator[Fault]:
    for job in ci.jobs:
        for command in job.commands:
            called = [word for word in command.words[1:] if word in _COMMANDS]
            if command.words[:1] == ("setup.py",) and called:
                yield fault_of(job, f"it calls setup.py {' '.join(called)}", command.line)
