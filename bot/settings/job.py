"""What a CI job's environment says: the job itself, and where and as whom its files are to be sent.

Source: GitLab, "Predefined CI/CD variables reference"; twine's documentation of TWINE_*.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from bot.domain.errors import ConfigError
from bot.domain.policy import IndexKind, IndexSpec
from bot.domain.refs import RefKind
from bot.domain.running_job import RunningJob
from bot.domain.secrets import Secret
from bot.domain.variable_names import names_secret
from bot.settings.addresses import proxy_url, web_url

JOB_USER = "gitlab-ci-token"
TOKEN_USER = "__token__"  # noqa: S105  (a user name)
REGISTRY = "registry"
_PUBLIC = {"pypi": IndexKind.PYPI, "testpypi": IndexKind.TESTPYPI}
_SECRET_TOO = ("CI_REPOSITORY_URL",)  # holds the job token, as do variables that are secret by their names
_API = "/api/v4"
_EMPTY = (
    "a protected variable is empty on a ref that is not protected, one with an environment scope in a job without that "
    "`environment`"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Where a person wants the files, as the command line says it."""

    to: str
    simple_url: str | None = None
    ca_file: str | None = None
    proxy: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """One index with what is shown to it. `variable` is where the ID token was, if one is to be exchanged.

    `said` are sentences for the person: what was taken for what.
    """

    spec: IndexSpec
    variable: str | None = None
    id_token: Secret | None = None
    said: tuple[str, ...] = ()


def secrets_of(environ: Mapping[str, str]) -> dict[str, Secret]:
    """All variables that hold a secret by their names, to be taken out of our environment and of all we print."""
    named = (name for name in environ if names_secret(name) or name in _SECRET_TOO)
    return {name: Secret(environ[name].strip()) for name in named}


def running_job(environ: Mapping[str, str]) -> RunningJob:
    """The job we run in. Raises: ConfigError."""
    if not environ.get("GITLAB_CI") or not environ.get("CI_JOB_ID"):
        raise ConfigError(
            what="this is no job of GitLab CI (GITLAB_CI and CI_JOB_ID are not set)",
            where="publish",
            remedy="Call it in a job; elsewhere `ropewalk release apply PROJECT@REF` releases",
        )
    api = _needed(environ, "CI_API_V4_URL")
    if not api.endswith(_API):
        raise ConfigError(what=f"does not end with {_API}", where="CI_API_V4_URL", remedy="Let GitLab set it")
    tag = environ.get("CI_COMMIT_TAG", "")
    source, target = (environ.get(f"CI_MERGE_REQUEST_{which}PROJECT_ID", "") for which in ("SOURCE_", ""))
    return RunningJob(
        id=_number(environ, "CI_JOB_ID"),
        name=environ.get("CI_JOB_NAME", ""),
        project_id=_number(environ, "CI_PROJECT_ID"),
        project=_needed(environ, "CI_PROJECT_PATH"),
        project_url=environ.get("CI_PROJECT_URL", ""),
        gitlab_url=api.removesuffix(_API),
        kind=RefKind.TAG if tag else RefKind.BRANCH,
        ref=tag or _needed(environ, "CI_COMMIT_REF_NAME"),
        sha=_needed(environ, "CI_COMMIT_SHA"),
        ref_protected=environ.get("CI_COMMIT_REF_PROTECTED") == "true",
        from_fork=bool(source and target) and source != target,
    )


def destination(environ: Mapping[str, str], job: RunningJob, wish: Wish) -> Destination:
    """Where the files go. Raises: ConfigError."""
    if wish.proxy is not None:
        try:
            proxy_url(wish.proxy)
        except ValueError as error:
            raise ConfigError(what=str(error), where="--proxy") from None
    if wish.ca_file is not None and not Path(wish.ca_file).is_file():
        raise ConfigError(what=f"there is no file {wish.ca_file}", where="--ca-file")
    if wish.to == REGISTRY:
        return _registry(environ, job, wish)
    if wish.to in _PUBLIC:
        return _public(environ, job, wish)
    return _elsewhere(environ, wish)


def _registry(environ: Mapping[str, str], job: RunningJob, wish: Wish) -> Destination:
    token = environ.get("CI_JOB_TOKEN", "").strip()
    if not token:
        raise ConfigError(
            what="is not set, so there is nothing to show to the registry",
            where="CI_JOB_TOKEN",
            remedy="GitLab sets it in every job: do not overwrite it, and hand it on to containers and `sudo`",
        )
    spec = IndexSpec(
        name=REGISTRY,
        kind=IndexKind.GITLAB,
        username=JOB_USER,
        password=Secret(token),
        ca_file=wish.ca_file or environ.get("CI_SERVER_TLS_CA_FILE") or None,
        proxy=wish.proxy,
        called=f"the registry of {job.project}",
        mend=(
            "The job token lives as long as its job and acts for whoever started the pipeline: that user needs the "
            "role Developer, and the project the package registry (Settings > General > Visibility)"
        ),
    )
    return Destination(spec=spec)


def _public(environ: Mapping[str, str], job: RunningJob, wish: Wish) -> Destination:
    if environ.get("TWINE_REPOSITORY_URL"):
        raise ConfigError(
            what=f"sends uploads elsewhere, and --to says {wish.to}",
            where="TWINE_REPOSITORY_URL",
            remedy="Leave one of them out; `--to URL --simple-url URL` sends files there",
        )
    spec = IndexSpec(name=wish.to, kind=_PUBLIC[wish.to], ca_file=wish.ca_file, proxy=wish.proxy, called=wish.to)
    variable = f"{wish.to.upper()}_ID_TOKEN"
    token = environ.get(variable, "").strip()
    if token:
        unused = [name for name in ("TWINE_PASSWORD", "TWINE_TOKEN") if environ.get(name)]
        said = tuple(f"{name} is not used: the job's ID token is better, {name} can be deleted" for name in unused)
        spec = replace(spec, mend=_trust(job, wish.to))
        return Destination(spec=spec, variable=variable, id_token=Secret(token), said=said)
    username, password, said = _twine(environ, TOKEN_USER)
    if password is None:
        raise ConfigError(
            what=f"there is neither an ID token nor a TWINE_PASSWORD for {wish.to}",
            where=f"job {job.name}",
            remedy=f"Add `id_tokens: {{{variable}: {{aud: {wish.to}}}}}` to the job, and the project as a Trusted "
            f"Publisher at {wish.to}; or set TWINE_PASSWORD to an API token ({_EMPTY})",
        )
    mend = f"TWINE_PASSWORD must be an API token of {wish.to} for this project"
    return Destination(spec=replace(spec, username=username, password=password, mend=mend), said=said)


def _trust(job: RunningJob, index: str) -> str:
    """What a person does where an index does not take the job's ID token."""
    namespace, _, path = job.project.rpartition("/")
    publisher = f"namespace {namespace}, project {path}, its CI file and the job's environment"
    if job.gitlab_url != "https://gitlab.com":
        return (
            f"{index} trusts gitlab.com, and other instances ({job.gitlab_url}) only if it was asked to: publish with "
            f"an API token in TWINE_PASSWORD, or have it trust the instance and then {publisher}"
        )
    return f"The project's settings at {index} need a Trusted Publisher with exactly {publisher}"


def _elsewhere(environ: Mapping[str, str], wish: Wish) -> Destination:
    _safe("--to", wish.to, also=f", or {REGISTRY}, pypi or testpypi")
    if wish.simple_url is None:
        raise ConfigError(
            what="is missing: without it nobody can look what stands there already",
            where="--simple-url",
            remedy="Give the address that pip takes as --index-url",
        )
    _safe("--simple-url", wish.simple_url)
    username, password, said = _twine(environ, None)
    if password is None:
        raise ConfigError(what="is not set or empty", where="TWINE_PASSWORD", remedy=f"Set it, masked: {_EMPTY}")
    spec = IndexSpec(
        name="index",
        kind=IndexKind.SIMPLE,
        upload_url=wish.to,
        simple_url=wish.simple_url,
        username=username,
        password=password,
        ca_file=wish.ca_file,
        proxy=wish.proxy,
        called="the index",
        mend="Mend TWINE_USERNAME and TWINE_PASSWORD, or what they may do there",
    )
    return Destination(spec=spec, said=said)


def _twine(environ: Mapping[str, str], user: str | None) -> tuple[str | None, Secret | None, tuple[str, ...]]:
    """User name, password and what to say of them. Raises: ConfigError for a variable that was never filled in."""
    username = environ.get("TWINE_USERNAME", "").strip() or user
    password, said = environ.get("TWINE_PASSWORD", "").strip(), tuple[str, ...]()
    if not password and (password := environ.get("TWINE_TOKEN", "").strip()):
        username = username or TOKEN_USER
        said = (f"TWINE_TOKEN is no variable of twine's: taken for TWINE_PASSWORD with user {username}. Rename it",)
    for name, value in (("TWINE_USERNAME", username or ""), ("TWINE_PASSWORD", password)):
        if value.startswith("$") and value.strip("${}").replace("_", "").isalnum():
            what = "holds the name of a variable instead of its value: nothing by that name reaches this job"
            raise ConfigError(what=what, where=name, remedy=f"Take it out of the job's `variables`; {_EMPTY}")
    return username, Secret(password) if password else None, said


def _safe(option: str, url: str, also: str = "") -> None:
    """Make sure that credentials may be sent to an address. Raises: ConfigError."""
    try:
        _, safe = web_url(url)
    except ValueError as error:
        raise ConfigError(what=f"{error}{also}", where=option) from None
    if not safe:
        raise ConfigError(what="must be https: credentials are sent there", where=option)


def _needed(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name, "").strip()
    if not value:
        raise ConfigError(what="is not set", where=name, remedy="GitLab sets it in every job: hand it on")
    return value


def _number(environ: Mapping[str, str], name: str) -> int:
    value = _needed(environ, name)
    if not (value.isascii() and value.isdecimal()):
        raise ConfigError(what="is no number", where=name, remedy="Let GitLab set it")
    return int(value)
