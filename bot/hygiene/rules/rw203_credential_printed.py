"""RW203: a job log is read by more people than a variable."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from bot.domain.ci import CiCommand, CiFacts, CiJob
from bot.domain.findings import Finding, RuleInfo
from bot.domain.variable_names import Kind, kind
from bot.domain.verdicts import Severity
from bot.hygiene.ci_judging import Fault, fault_of, judge_ci, reads_secrets, secrets_in
from bot.hygiene.facts import ProjectFacts

INFO = RuleInfo(
    id="RW203",
    title="credential printed into the job log",
    severity=Severity.HIGH,
    threat="Job logs are open to everybody who may read the project's jobs and are kept for long. Masking "
    "replaces the exact value only: encoded, cut or multi-line it stands there as it is.",
    remedy="Remove the command. To see whether a variable is set, print `${NAME:+set}`; rotate what logs may "
    "hold already.",
)

_PRINTS_ALL = frozenset({("env",), ("printenv",), ("export",), ("export", "-p"), ("set",), ("declare", "-p")})
# What a pipe may lead through and still end in the log.
_FILTERS = frozenset(
    {
        "tee",
        "cat",
        "grep",
        "egrep",
        "sort",
        "base64",
        "xxd",
        "od",
        "hexdump",
        "rev",
        "sed",
        "tr",
        "cut",
        "echo",
        "printf",
        "awk",
        "gawk",
        "head",
        "tail",
        "jq",
        "fold",
        "tac",
        "paste",
        "nl",
        "column",
    }
)
_ENCODERS = frozenset({"base64", "xxd", "od", "hexdump", "rev"})
_SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ksh"})
_TRACE = re.compile(r"-[a-z]*x[a-z]*")  # among other letters: -eux, -euxo pipefail
_DEBUG = ("CI_DEBUG_TRACE", "CI_DEBUG_SERVICES")
_ON = frozenset({"true", "1", "yes"})


def judge(facts: ProjectFacts) -> Iterable[Finding]:
    """High for the credential itself and for debug tracing, medium for what prints everything and is masked.

    Source: doc/ci/variables/variables_troubleshooting.md; doc/ci/variables/_index.md, "Mask a CI/CD variable".
    """
    return judge_ci(INFO, facts, _faults)


def _faults(ci: CiFacts) -> Iterator[Fault]:
    for name in _DEBUG:
        if ci.variables.get(name, "").lower() in _ON:
            yield Fault(reason=f"{name} is on for every job", line=ci.lines.get("variables"))
    for job in ci.jobs:
        for name in _DEBUG:
            if job.variables.get(name, "").lower() in _ON:
                yield fault_of(job, f"{name} is on", job.line_of("variables"))
        for command in job.commands:
            yield from _printed(job, command)


def _printed(job: CiJob, command: CiCommand) -> Iterator[Fault]:
    words = command.words
    if not words:
        return
    holds = job.publishes or any(kind(name) is Kind.CREDENTIAL for name in job.uses)
    shows = not command.writes and set(command.feeds) <= _FILTERS
    if shows and words[0] in ("echo", "printf"):
        for name in dict.fromkeys(name for word in words[1:] for name in secrets_in(word)):
            coded = " in another encoding, which masking does not see" if set(command.feeds) & _ENCODERS else ""
            yield fault_of(job, f"{name} is printed{coded}", command.line)
    elif shows and words[0] == "printenv" and len(words) > 1:
        for name in words[1:]:
            if kind(name) is Kind.CREDENTIAL:
                yield fault_of(job, "a credential is printed with printenv", command.line)
    elif shows and words in _PRINTS_ALL and not command.assigns:
        yield fault_of(job, f"{words[0]} prints every variable", command.line, Severity.MEDIUM)
    elif shows and words[0] in ("cat", "head", "tail") and any(".pypirc" in word or ".netrc" in word for word in words):
        yield fault_of(job, "a file with credentials is printed", command.line)
    elif shows and words[0] in ("cat", "tee") and reads_secrets(command):
        yield fault_of(job, f"{reads_secrets(command)[0]} is printed", command.line)
    elif holds and _traces(words):
        yield fault_of(job, "the shell prints each command with its values", command.line, Severity.MEDIUM)
    elif shows and words[:3] == ("pip", "config", "debug"):
        yield fault_of(job, "pip prints its configuration, index addresses included", command.line, Severity.MEDIUM)


def _traces(words: tuple[str, ...]) -> bool:
    if words[0] == "set":
        return "xtrace" in words or any(map(_TRACE.fullmatch, words[1:]))
    return words[0] in _SHELLS and any(map(_TRACE.fullmatch, words[1:]))
