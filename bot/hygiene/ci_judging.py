"""What all rules about CI files share: when there is nothing to say, when it is unknown, how a finding reads."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from bot.domain.ci import CiCommand, CiFacts, CiJob, CiUnknown
from bot.domain.findings import Finding, RuleInfo
from bot.domain.variable_names import Kind, kind
from bot.domain.verdicts import Severity
from bot.hygiene.facts import ProjectFacts
from bot.hygiene.judging import Judge

_MERGE = "Let a token with the role Developer merge the file with CI Lint, or judge the included files themselves."
_MEND = "Mend the CI file or make it smaller, then audit again."
_MEND_INCLUDE = "Mend what GitLab refuses of the CI file (its CI Lint tells), then audit again."
_NAMES = re.compile(r"(?<!\\)\$\{?([A-Za-z_][A-Za-z0-9_]*)")
_LONGEST_NAME = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What a rule has against a CI file. `job` is None for the file as a whole; no text here is quoted from it.

    `severity` is the rule's own where None. `unknown`: could not be judged, and `remedy` would help.
    """

    reason: str
    job: str | None = None
    line: int | None = None
    severity: Severity | None = None
    unknown: bool = False
    remedy: str = ""


Look = Callable[[CiFacts], Iterable[Fault]]


def judge_ci(info: RuleInfo, facts: ProjectFacts, look: Look) -> Iterator[Finding]:
    """A finding for each job with faults, in the order of the file; one `unknown` where the file hides the answer."""
    ci, rule = facts.ci, Judge(info, facts)
    place = ci_resource(facts)
    if ci is None:
        return
    if isinstance(ci, CiUnknown):
        yield rule.unknown(place, ci.reason, _MEND)
        return
    faults = list(look(ci))
    if not faults and not ci.whole:
        yield rule.unknown(place, _hidden(ci), _MEND_INCLUDE if ci.refused else _MERGE)
    for fault in _one_per_job(faults):
        resource = place if fault.job is None else f"{place}#{spoken(fault.job)}"
        if fault.unknown:
            found = rule.unknown(resource, fault.reason, fault.remedy or info.remedy)
        else:
            found = rule.fails(resource, fault.reason, severity=fault.severity)
        yield replace(found, line=fault.line)


def ci_resource(facts: ProjectFacts) -> str:
    """The resource of a project's CI file, wherever its settings put it."""
    return f"{facts.place}/{spoken(facts.ci_path)}"


def _one_per_job(faults: Iterable[Fault]) -> Iterator[Fault]:
    """A finding is known by rule and job, so what else is wrong with the same job joins its reason."""
    by_job: dict[tuple[str | None, bool], list[Fault]] = {}
    for fault in faults:
        by_job.setdefault((fault.job, fault.unknown), []).append(fault)
    for (job, unknown), several in by_job.items():
        if unknown and (job, False) in by_job:
            continue
        severities = [fault.severity for fault in several if fault.severity is not None]
        whole = len(severities) == len(several)
        reasons = dict.fromkeys(fault.reason for fault in several)
        line = next((fault.line for fault in several if fault.line is not None), None)
        yield replace(several[0], reason="; ".join(reasons), line=line, severity=max(severities) if whole else None)


def _hidden(ci: CiFacts) -> str:
    count = sum(kind != "template" for kind in ci.includes)
    if count and not ci.merged:
        what = "one include is" if count == 1 else f"{count} includes are"
        uploads = any(include.publishes for include in ci.included)
        named = " (by its name, one uploads Python packages)" if uploads else ""
        why = f" ({ci.unmerged})" if ci.unmerged else ""
        return f"{what} not resolved{why} and may bring what this rule is about{named}"
    jobs = [spoken(job.name) for job in ci.jobs if not job.complete]
    return f"{listed(jobs)} builds on what this file does not define"


def fault_of(job: CiJob, reason: str, line: int | None = None, severity: Severity | None = None) -> Fault:
    """A fault of a job; where it begins if no better line is known."""
    return Fault(reason=reason, job=job.name, line=job.line if line is None else line, severity=severity)


def publishing(ci: CiFacts) -> Iterator[CiJob]:
    """The jobs that upload distributions."""
    return (job for job in ci.jobs if job.publishes)


def uploads(job: CiJob) -> Iterator[CiCommand]:
    """The commands of a job that upload with its publisher."""
    words = ("upload",) if job.publisher in ("twine", "setup.py", "devpi") else ("publish", "upload")
    for command in job.commands:
        if command.words and command.words[0] == job.publisher and any(word in command.words for word in words):
            yield command


def reads_secrets(command: CiCommand) -> tuple[str, ...]:
    """The credentials that a command reads in any way, by their names."""
    return tuple(sorted(name for name in command.reads if kind(name) is Kind.CREDENTIAL))


def secrets_in(text: str) -> tuple[str, ...]:
    """The credentials that a word names as `$NAME`, by their names, in order."""
    return tuple(dict.fromkeys(name for name in _NAMES.findall(text) if kind(name) is Kind.CREDENTIAL))


def option(command: CiCommand, *names: str) -> str | None:
    """The value of the first of these options in a command; empty where it is the last word. None without it."""
    for at, word in enumerate(command.words):
        name, equals, value = word.partition("=")
        if name in names:
            return value if equals else command.words[at + 1] if at + 1 < len(command.words) else ""
    return None


def spoken(name: str) -> str:
    """A foreign name that can stand in a line of text: nothing invisible, nothing that moves the cursor."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in name[:_LONGEST_NAME])


def listed(names: Iterable[str], most: int = 5) -> str:
    """Names for a sentence: `a`, `a and b`, `a, b and 3 more`."""
    shown = [f"`{name}`" for name in names]
    if len(shown) > most:
        shown = [*shown[:most], f"{len(shown) - most} more"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}" if shown else "nothing"
