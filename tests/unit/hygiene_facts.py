"""Places as the tests of hygiene need them: well kept unless something is said."""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.ci import CiFacts, CiJob, CiLine, CiUnknown
from bot.domain.estate import (
    Access,
    ProjectFacts,
    ProjectSettings,
    ProtectedBranches,
    ProtectedTags,
    Unread,
)
from bot.domain.gitlab import Level, VariableFlags, Variables

PROJECT = "acme/tools/widget"
LOCKED = Unread(what="it all", remedy="Maintainer of the project may read it")
TAGS = (ProtectedTags(pattern="v*", create=(40,)),)
BROKEN = CiUnknown(reason="the CI file is no YAML")


def variable(
    key: str = "TWINE_PASSWORD",
    *,
    group: str | None = None,
    instance: bool = False,
    masked: bool = True,
    protected: bool = True,
    hidden: bool | None = True,
    raw: bool = True,
    scope: str = "pypi",
    file: bool = False,
) -> VariableFlags:
    """A variable kept as it should be, of the project unless a group or the instance holds it."""
    level = Level.INSTANCE if instance else Level.PROJECT if group is None else Level.GROUP
    owner = "gitlab.example" if instance else group or PROJECT
    return VariableFlags(
        key=key,
        level=level,
        owner=owner,
        protected=protected,
        masked=masked,
        hidden=hidden,
        raw=raw,
        environment_scope=scope,
        file=file,
    )


def job(
    name: str = "publish",
    *,
    environment: str | None = "pypi",
    uses: tuple[str, ...] = (),
    variables: dict[str, str] | None = None,
    id_tokens: Mapping[str, tuple[str, ...]] | None = None,
    script: tuple[str, ...] = ("twine upload dist/*",),
    publishes: bool = True,
) -> CiJob:
    """A job that uploads."""
    return CiJob(
        name=name,
        line=1,
        stage="deploy",
        image=None,
        script=tuple(CiLine(text=text) for text in script),
        publishes=publishes,
        uses=frozenset(uses),
        variables=variables or {},
        environment=environment,
        id_tokens=id_tokens or {},
    )


def ci(*jobs: CiJob, variables: dict[str, str] | None = None) -> CiFacts:
    """A CI file."""
    return CiFacts(jobs=jobs, variables=variables or {})


def access(
    *,
    settings: ProjectSettings | Unread | None = None,
    tags: tuple[ProtectedTags, ...] | Unread = TAGS,
    branches: tuple[ProtectedBranches, ...] | Unread | None = None,
    allowlist: bool | Unread = True,
    forwards: bool | Unread = False,
    **rows: object,
) -> Access:
    """Access as it should be."""
    main = ProtectedBranches(pattern="main", push=(40,), merge=(40,), force_push=False)
    usual = ProjectSettings(default_branch="main", visibility="private", public_jobs=True, variables_role="maintainer")
    return Access(
        settings=settings or usual,
        tags=tags,
        branches=(main,) if branches is None else branches,
        allowlist=allowlist,
        schedules=rows.get("schedules", ()),  # type: ignore[arg-type]  # what the test says
        triggers=rows.get("triggers", ()),  # type: ignore[arg-type]  # what the test says
        forwards_pypi=forwards,
        access_tokens=rows.get("access_tokens", ()),  # type: ignore[arg-type]  # what the test says
        deploy_tokens=rows.get("deploy_tokens", ()),  # type: ignore[arg-type]  # what the test says
    )


def place(
    *flags: VariableFlags,
    ci: CiFacts | CiUnknown | None = None,
    access: Access | None = None,
    level: Level = Level.PROJECT,
    unread: Unread | None = None,
) -> ProjectFacts:
    """A project, or a group `acme` or the instance."""
    path = {Level.PROJECT: PROJECT, Level.GROUP: "acme", Level.INSTANCE: ""}[level]
    return ProjectFacts(
        project_id=7 if level is Level.PROJECT else 0,
        full_path=path,
        variables=Variables(flags=flags),
        ci=ci,
        access=access,
        level=level,
        unread=unread,
    )
