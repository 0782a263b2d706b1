"""RW223: a certificate that nobody checks protects nobody."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bot.domain.ci import CiCommand, CiFacts
from bot.domain.findings import Finding, RuleInfo
from bot.domain.verdicts import Severity
from bot.hygiene.ci_judging import Fault, fault_of, judge_ci, publishing
from bot.hygiene.facts import ProjectFacts

INFO = RuleInfo(
    id="RW223",
    title="publishing job does not verify TLS certificates",
    severity=Severity.MEDIUM,
    threat="Whoever stands between the runner and the index can serve other packages to the job that holds the "
    "publishing credential, or take the credential itself.",
    remedy="Install the certificate authority where it is missing (`--cert`, `PIP_CERT`, `REQUESTS_CA_BUNDLE`, "
    "a file variable) and verify again.",
)

_FLAGS = {
    "curl": ("-k", "--insecure"),
    "wget": ("--no-check-certificate",),
    "pip": ("--trusted-host",),
    "pip3": ("--trusted-host",),
    "uv": ("--allow-insecure-host", "--insecure-host"),
}
# Variables, and the values that switch verification off.
_SWITCHES = {
    "GIT_SSL_NO_VERIFY": ("true", "1"),
    "PYTHONHTTPSVERIFY": ("0",),
    "NODE_TLS_REJECT_UNAUTHORIZED": ("0",),
    "UV_INSECURE_HOST": (),
    "PIP_TRUSTED_HOST": (),
}


def judge(facts: ProjectFacts) -> Iterable[Finding]:
    """By an option of the command or by a variable."""
    return judge_ci(INFO, facts, _faults)


def _faults(ci: CiFacts) -> Iterator[Fault]:
    for job in publishing(ci):
        for command in job.commands:
            if _off(command):
                yield fault_of(job, f"{command.words[0]} does not verify whom it talks to", command.line)
            for assign in command.assigns:
                if _switched(assign.name, assign.value):
                    yield fault_of(job, f"{assign.name} switches verification off", command.line)
        for name, value in (*ci.variables.items(), *job.variables.items()):
            if _switched(name, value):
                yield fault_of(job, f"{name} switches verification off", job.line_of("variables"))


def _off(command: CiCommand) -> bool:
    flags = _FLAGS.get(command.words[0], ()) if command.words else ()
    return any(word.partition("=")[0] in flags for word in command.words[1:])


def _switched(name: str, value: str | None) -> bool:
    return name in _SWITCHES and bool(value) and (not _SWITCHES[name] or value in _SWITCHES[name])
