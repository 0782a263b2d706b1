"""Which credential an upload in a job would use, and whether it would be there.

Source: twine/settings.py and twine/auth.py: options before the environment, an id token only without a password and
only for PyPI.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from bot.domain.ci import CiCommand, CiFacts, CiJob, CiLine
from bot.domain.verdicts import Verdict
from bot.hygiene.facts import ProjectFacts
from bot.hygiene.handing import Got, Handed, Job
from bot.hygiene.publishing import PASSWORD, USERNAME
from bot.hygiene.reach import Pipeline
from bot.hygiene.sending import Upload, before, sent

_NAMES = {PASSWORD: ("-p", "--password"), USERNAME: ("-u", "--username")}
_REPOSITORY = ("-r", "--repository", "--repository-url")
_REPOSITORY_NAMES = ("TWINE_REPOSITORY_URL", "TWINE_REPOSITORY")
NEVER_READ = "TWINE_TOKEN"  # a guess that many make
_TOKENS = {"pypi": "PYPI_ID_TOKEN", "testpypi": "TESTPYPI_ID_TOKEN"}
TOKEN_USER = "__token__"  # noqa: S105  (a user name, the only one that PyPI takes)
TRUSTED_HOST = "gitlab.com"  # PyPI documents trust in GitLab's own service only


_WORST = (Verdict.FAIL, Verdict.UNKNOWN, Verdict.PASS)
_SETS_ALL = frozenset({"-a", "-ea", "-ae"})
SAID = "$(…)"
_BARE = Upload(command=CiCommand(words=("twine", "upload")), line=CiLine(text=""), certain=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What the upload would have."""

    verdict: Verdict
    reason: str
    remedy: str = ""


def credential(facts: ProjectFacts, ci: CiFacts, job: CiJob, pipeline: Pipeline, gitlab: str) -> Credential:
    """Whether job `job` could sign in wherever it uploads; `gitlab` is GitLab's host. The worst of several uploads is
    told, of those that its script certainly comes to where there are such.
    """
    if job.publisher == "ropewalk":
        return _by_ropewalk(job, gitlab)
    if job.publisher != "twine":
        reason = f"job {job.name} uploads with {job.publisher or 'a tool'} whose ways of signing in are not known here"
        return Credential(verdict=Verdict.UNKNOWN, reason=reason, remedy="Look at its own documentation")
    given = Job(facts=facts, ci=ci, job=job, pipeline=pipeline)
    found = [_of_upload(given, upload, gitlab) for upload in sent(job) or (_BARE,)]
    return min(found, key=lambda one: _WORST.index(one.verdict))


def _by_ropewalk(job: CiJob, gitlab: str) -> Credential:
    """`ropewalk publish`: by itself to the project's registry, with the job's token; else an id token goes first."""
    aims = {_option(one.command, ("--to",)) or "registry" for one in sent(job)}
    if aims <= {"registry"}:
        return Credential(verdict=Verdict.PASS, reason=f"job {job.name} signs in with its own token (CI_JOB_TOKEN)")
    if aims <= {"registry", *_TOKENS} and job.id_tokens:
        return _trusted(job, to_pypi=True, gitlab=gitlab)
    where = ", ".join(sorted(aims - {"registry"}))
    reason = f"whether job {job.name} can sign in to {where} is not looked at"
    remedy = "`ropewalk publish --dry-run` in that job says what it lacks"
    return Credential(verdict=Verdict.UNKNOWN, reason=reason, remedy=remedy)


def _of_upload(given: Job, upload: Upload, gitlab: str) -> Credential:
    job = given.job
    password, user = _value(given, upload, PASSWORD), _value(given, upload, USERNAME)
    to_pypi = _to_pypi(given, upload.command)
    if password.got is Got.YES and password.file:
        reason = f"job {job.name} would send the path of a file as its password: {password.why}, and is of type file"
        remedy = 'Make the variable one of type Variable, or read it: TWINE_PASSWORD="$(cat "$NAME")"'
        return Credential(verdict=Verdict.FAIL, reason=reason, remedy=remedy)
    if password.got is Got.YES:
        return _with_password(given, password, user, to_pypi)
    if password.got is Got.MAYBE:
        remedy = "Give the token's user the role that reads all levels, or run the job once"
        return Credential(verdict=Verdict.UNKNOWN, reason=f"password: {password.why}", remedy=remedy)
    if to_pypi is not False and job.id_tokens:
        return _trusted(job, to_pypi, gitlab)
    kept = _kept_elsewhere(job)
    if kept:
        reason = f"job {job.name} gets no password by its variables, but {kept}, where twine may find one"
        return Credential(verdict=Verdict.UNKNOWN, reason=reason, remedy="Hand it over in TWINE_PASSWORD, or try it")
    remedy = "Set TWINE_PASSWORD so that it reaches this job: scope, protection and tag have to fit"
    return Credential(
        verdict=Verdict.FAIL, reason=f"job {job.name} would have no password: {password.why}", remedy=remedy
    )


def _kept_elsewhere(job: CiJob) -> str:
    """Where else twine may find a password, as a clause: a configuration file or a keyring."""
    for command in job.commands:
        texts = (*command.words, *command.writes, *command.reads)
        if any("pypirc" in text.lower() for text in texts) or "--config-file" in command.words:
            return "its script speaks of a .pypirc"
        if any("keyring" in word for word in command.words):
            return "its script speaks of a keyring"
    return ""


def concerns(key: str, job: CiJob, ci: CiFacts) -> bool:
    """Whether a variable may matter to a job that uploads: it reads it, or twine does so by itself, unless an option
    takes its place.
    """
    if key in {*job.uses, *ci.variables_for(job), *job.variables}:
        return True
    uploads = [one for one in job.commands if one.words[:1] == ("twine",) and "upload" in one.words]
    options = _NAMES.get(key)
    if options is not None and uploads and all(_option(one, options) is not None for one in uploads):
        return False
    return key.startswith("TWINE_") and key != NEVER_READ


def _with_password(given: Job, password: Handed, user: Handed, to_pypi: bool | None) -> Credential:
    if to_pypi and user.literal not in ("", TOKEN_USER):
        reason = f"job {given.job.name} would sign in to PyPI under a name of its own: {user.why}"
        return Credential(verdict=Verdict.FAIL, reason=reason, remedy=f"PyPI takes the name {TOKEN_USER} only: set it")
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


def _value(given: Job, upload: Upload, name: str) -> Handed:
    """What twine takes for a name: its option, else the environment of the command, of the script, of the job."""
    option = _option(upload.command, _NAMES[name])
    if option is not None:
        return given.text(option)
    prefixed = [one.value for one in upload.command.assigns if one.name == name]
    return _assigned(given, prefixed[-1], name) if prefixed else _set_by_script(given, upload, name)


def _set_by_script(given: Job, upload: Upload, name: str) -> Handed:
    """What the environment has for a name once the script comes to the upload."""
    now = given.variable(name)
    exported, waiting = now.got is not Got.NO, None
    for command in before(given.job, upload):
        words = command.words
        then, begun = now, exported
        if words[:1] == ("unset",) and name in words:
            now, exported = Handed(got=Got.NO, why=f"its script unsets {name}"), False
        if words[:1] == ("set",) and ("allexport" in words or _SETS_ALL.intersection(words)):
            exported = True
        value = next((_assigned(given, one.value, name) for one in command.assigns if one.name == name), None)
        exports = words[:1] == ("export",) or (words[:1] in (("declare",), ("typeset",)) and "-x" in words)
        if value is not None and (exports or not words):
            waiting, exported = value, exported or exports
        if exports and name in words:
            exported = True
        if waiting is not None and exported:
            now, waiting = waiting, None
        if command.doubtful and not upload.command.doubtful and now.got is not then.got:
            now, exported = Handed(got=Got.MAYBE, why=f"whether its script sets {name} is decided when it runs"), begun
    return now


def _assigned(given: Job, value: str | None, name: str) -> Handed:
    if value is None or SAID in value:
        return Handed(got=Got.MAYBE, why=f"{name} is what a command says")
    return given.variable(name) if f"${name}" in value or f"${{{name}" in value else given.text(value, own=name)


def _to_pypi(given: Job, upload: CiCommand) -> bool | None:
    """Whether the upload goes to PyPI; None where that is not known."""
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
        if word[:2] in names and not word.startswith("--"):
            return word[2:]  # `-pSECRET`
    return None


def _second_level(url: str) -> str:
    """The part of a URL's host before its last: who owns the name; empty for what is no URL."""
    parts = (urlsplit(url).hostname or "").split(".")
    return parts[-2] if len(parts) > 1 else ""
