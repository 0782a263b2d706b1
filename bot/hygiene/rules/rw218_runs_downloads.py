"""RW218: a script from the network runs with everything the job has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bot.domain.ci import CiFacts
from bot.domain.findings import Finding, RuleInfo
from bot.domain.verdicts import Severity
from bot.hygiene.ci_judging import Fault, fault_of, judge_ci, publishing
from bot.hygiene.facts import ProjectFacts

INFO = RuleInfo(
    id="RW218",
    title="publishing job runs what it downloads",
    severity=Severity.HIGH,
    threat="Whoever controls that address, or stands in between, runs commands with the publishing credential "
    "in the environment, today or in a year, and nothing in the repository shows it.",
    remedy="Put what it installs into the image, or install a pinned package; at the least download, compare a "
    "checksum, then run.",
)

_DOWNLOADERS = frozenset({"curl", "wget", "http", "aria2c"})
_INTERPRETERS = frozenset(
    {"sh", "bash", "dash", "zsh", "ksh", "python", "python3", "perl", "ruby", "node", "php", "pwsh"}
) | {
    "source",
    ".",
    "eval",
}


def judge(facts: ProjectFacts) -> Iterable[Finding]:
    """`curl … | sh` and its relatives: `bash <(curl …)`, `sh -c "$(curl …)"`."""
    return judge_ci(INFO, facts, _faults)


def _faults(ci: CiFacts) -> Iterator[Fault]:
    for job in publishing(ci):
        for command in job.commands:
            if command.words and command.words[0] in _DOWNLOADERS and set(command.feeds) & _INTERPRETERS:
                runs = next(program for program in command.feeds if program in _INTERPRETERS)
                said = f"what {command.words[0]} downloads is run by {runs}"
                yield fault_of(job, said, command.line)
