"""Which credential an upload in a job would use, and whether it would be there.

Source: twine/settings.py and twine/auth.py: options before the environment, an id token only without a password and
only for PyPI.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from bot.domain.ci import CiCommand, CiFacts, CiJob
from bot.domain.verdicts import Verdict
from bot.hygiene.facts import ProjectFacts
from bot.hygiene.handing import Got, Handed, Job
from bot.hygiene.publishing import PASSWORD, USERNAME
from bot.hygiene.reach import Pipeline

_NAMES = {PASSWORD: ("-p", "--password"), USERNAME: ("-u", "--username")}
_REPOSITORY = ("-r", "--repository", "--repository-url")
_REPOSITORY_NAMES = ("TWINE_REPOSITORY_URL", "TWINE_REPOSITORY")
NEVER_READ = "TWINE_TOKEN"  # a guess that many make
_TOKENS = {"pypi": "PYPI_ID_TOKEN", "testpypi": "TESTPYPI_ID_TOKEN"}
TRUSTED_HOST = "gitlab.com"  # PyPI documents trust in GitLab's own service only


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What the upload would have."""

    verdict: Verdict
    reason: str
    remedy: str = ""


def credential(facts: ProjectFacts, ci: CiFacts, job: CiJob, pipeline: Pipeline, gitlab: str) -> Credential:
    """Whether job `job` could sign in where it uploads; `gitlab` is GitLab's host."""
    if job.publisher != "twine":
        reason = f"job {job.name} uploads with {job.publisher or 'a tool'} whose ways of signing in are not known here"
        return Credential(verdict=Verdict.UNKNOWN, reason=reason, remedy="Look at its own documentation")
    given = Job(facts=facts, ci=ci, job=job, pipeline=pipeline)
    upload = next(
        (one for one in job.commands if one.words[:2] and one.words[0] == "twine" and "upload" in one.words), None
    )
    password, user = _value(given, upload, PASSWORD), _value(given, upload, USERNAME)
    to_pypi = _to_pypi(given, upload)
    if password.got is Got.YES:
        return _with_password(given, password, user, to_pypi)
    if password.got is Got.MAYBE:
        remedy = "Give the token's user the role that reads all levels, or run the job once"
        return Credential(verdict=Verdict.UNKNOWN, reason=f"password: {password.why}", remedy=remedy)
    if to_pypi is not False and job.id_tokens:
        return _trusted(job, to_pypi, gitlab)
    remedy = "Set TWINE_PASSWORD so that it reaches this job: scope, protection and tag have to fit"
    return Credential(
        verdict=Verdict.FAIL, reason=f"job {job.name} would have no password: {password.why}", remedy=remedy
    )


def concerns(key: str, job: CiJob, ci: CiFacts) -> bool:
    """Whether a variable may matter to a job that uploads: it reads it, or twine does so by itself, unless an option
    takes its place.
    """
    if key in {*job.uses, *ci.variables, *job.variables}:
        return True
    uploads = [one for one in job.commands if one.words[:1] == ("twine",) and "upload" in one.words]
    options = _NAMES.get(key)
    if options is not None and uploads and all(_option(one, options) is not None for one in uploads):
        return False
    return key.startswith("TWINE_") and key != NEVER_READ


def _with_password(given: Job, password: Handed, user: Handed, to_pypi: bool | None) -> Credential:
    if user.got is Got.YES or (user.got is Got.NO and to_pypi):
        return Credential(verdict=Verdict.PASS, reason=f"job {given.job.name} can sign in: {password.why}")
    if user.got is Got.NO and to_pypi is False:
        reason = f"job {given.job.name} would have no user name: {user.why}"
        return Credential(verdict=Verdict.FAIL, reason=reason, remedy="Set TWINE_USERNAME beside TWINE_PASSWORD")
    return Credential(
        verdict=Verdict.UNKNOWN, reason=f"user name: {user.why}", remedy="Set TWINE_USERNAME beside TWINE_PASSWORD"
    )


def _trusted(job: CiJob, to_pypi: bool | None, gitlab: str) -> Credential:
    audiences = {audience for every in job.id_tokens.values() for audience in every}
    fit = any(name in job.id_tokens and audience in audiences for audience, name in _TOKENS.items())
    if not fit:
        remedy = "Name it PYPI_ID_TOKEN with `aud: pypi`"
        reason = f"job {job.name} has no password and no id token that twine would use"
        return Credential(verdict=Verdict.FAIL, reason=reason, remedy=remedy)
    if to_pypi and gitlab and gitlab != TRUSTED_HOST:
        reason = f"job {job.name} relies on Trusted Publishing, which PyPI offers to {TRUSTED_HOST} only, not {gitlab}"
        return Credential(verdict=Verdict.FAIL, reason=reason, remedy="Use a token in TWINE_PASSWORD")
    return Credential(
        verdict=Verdict.UNKNOWN,
        reason=f"job {job.name} relies on Trusted Publishing; whether PyPI trusts this project, only PyPI knows",
        remedy="Check the project's publishers on PyPI",
    )


def _value(given: Job, upload: CiCommand | None, name: str) -> Handed:
    """What twine takes for a name: its option, else the environment of the command, of the script, of the job."""
    if upload is not None:
        option = _option(upload, _NAMES[name])
        if option is not None:
            return given.text(option)
    for assigned in _assigned(given.job, upload, name):
        if assigned is None:
            return Handed(got=Got.MAYBE, why=f"{name} is what a command says")
        return given.text(assigned, own=name) if f"${name}" not in assigned else given.variable(name)
    return given.variable(name)


def _assigned(job: CiJob, upload: CiCommand | None, name: str) -> Iterator[str | None]:
    """What the script assigns to a name before the upload, the last first."""
    values: list[str | None] = []
    for command in job.commands:
        values += [one.value for one in command.assigns if one.name == name]
        if command is upload:
            break
    yield from reversed(values)


def _to_pypi(given: Job, upload: CiCommand | None) -> bool | None:
    """Whether the upload goes to PyPI; None where that is not known."""
    if upload is None:
        return None
    option = _option(upload, _REPOSITORY)
    if option is not None:
        return True if option in ("pypi", "testpypi") else None if "$" in option else _second_level(option) == "pypi"
    found = [given.variable(name) for name in _REPOSITORY_NAMES]
    if all(one.got is Got.NO for one in found):
        return True
    return False if any(one.got is Got.YES for one in found) else None


def _option(command: CiCommand, names: tuple[str, ...]) -> str | None:
    for place, word in enumerate(command.words):
        name, equals, value = word.partition("=")
        if name in names:
            if equals:
                return value
            return command.words[place + 1] if place + 1 < len(command.words) else ""
    return None


def _second_level(url: str) -> str:
    """The part of a URL's host before its last: who owns the name; empty for what is no URL."""
    parts = (urlsplit(url).hostname or "").split(".")
    return parts[-2] if len(parts) > 1 else ""
