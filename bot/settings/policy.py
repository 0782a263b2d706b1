"""Sections to the domain's policy: indexes, release rules, hygiene."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from bot.domain.anatomy import DifferenceKind
from bot.domain.consents import ApprovalRule
from bot.domain.findings import Waiver
from bot.domain.gitlab import Role
from bot.domain.notes import DEFAULT_NOTES, NotesPolicy
from bot.domain.policy import (
    BuildPolicy,
    ExpectedFiles,
    HygienePolicy,
    IndexKind,
    IndexSpec,
    Isolation,
    PipelinePolicy,
    ReleaseRule,
    Source,
)
from bot.domain.rolling import IssueMode, IssuePolicy
from bot.domain.verdicts import Severity
from bot.settings.addresses import proxy_url, web_url
from bot.settings.credentials import Credentials, Wanted
from bot.settings.notes import read_notes
from bot.settings.problems import listed, near_miss, shown
from bot.settings.reading import Reading, name
from bot.settings.shape import (
    ApprovalSection,
    BuildSection,
    ExpectSection,
    HygieneSection,
    IndexSection,
    RuleSection,
)
from bot.settings.tree import KeyPath

_TOKEN_USER = "__token__"  # noqa: S105  (a user name)
_INDEX_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,62}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Indexes:
    """What `indexes` gives: the good ones, and the names of all, so that a broken one is not told twice."""

    specs: tuple[IndexSpec, ...]
    names: tuple[str, ...]


def read_indexes(reading: Reading, credentials: Credentials) -> Indexes:
    """All entries of `indexes`, in the file's order."""
    value = reading.tree.data.get("indexes", {})
    if not isinstance(value, dict):
        reading.problem(
            ("indexes",), "`indexes` must be a mapping of names to indexes", "Write `NAME: {kind: gitlab}` under it"
        )
        return Indexes(specs=(), names=())
    specs = []
    for key, entry in value.items():
        path = ("indexes", key)
        if not _INDEX_NAME.fullmatch(key):
            reading.problem(path, f"{name(path)} must be a short name of letters, digits, `.`, `_` and `-`")
        section = reading.section(IndexSection, path, entry)
        if section is not None and (spec := _index(reading, credentials, path, section)) is not None:
            specs.append(spec)
    return Indexes(specs=tuple(specs), names=tuple(value))


def _index(reading: Reading, credentials: Credentials, path: KeyPath, section: IndexSection) -> IndexSpec | None:
    kind = _kind(reading, path, section)
    if kind is None:
        return None
    password = credentials.read(
        reading, Wanted(above=path, stem="password", env=section.password_env, file=section.password_file)
    )
    ca_file = reading.file((*path, "ca_file"), section.ca_file) if section.ca_file is not None else None
    return IndexSpec(
        name=str(path[-1]),
        kind=kind,
        upload_url=_index_url(reading, (*path, "upload_url"), section.upload_url),
        simple_url=_index_url(reading, (*path, "simple_url"), section.simple_url),
        username=_username(reading, path, section, kind),
        password=password,
        ca_file=str(ca_file) if ca_file is not None else None,
        proxy=read_proxy(reading, path, section.proxy),
        attestations=_attestations(reading, path, section, kind),
    )


def _attestations(reading: Reading, path: KeyPath, section: IndexSection, kind: IndexKind) -> bool:
    """Whether attestations go along: a mistake where none can arrive, a warning where they will be refused."""
    if not section.attestations:
        return False
    if kind is IndexKind.GITLAB:
        what = f"{name(path)} is GitLab's registry, which takes no attestations"
        reading.problem((*path, "attestations"), what, "Leave it out")
    if kind in (IndexKind.PYPI, IndexKind.TESTPYPI):
        what = f"{name(path)} takes attestations only from Trusted Publishing, which `source: pipeline` uses"
        reading.warn((*path, "attestations"), f"{what}: with a token it refuses the files of a job that made some.")
    return section.attestations


def _kind(reading: Reading, path: KeyPath, section: IndexSection) -> IndexKind | None:
    """Which of the three forms an index has."""
    has_urls = section.upload_url is not None or section.simple_url is not None
    forms = [section.kind is not None, section.repository is not None, has_urls]
    if sum(forms) != 1:
        which = "does not say" if not any(forms) else "says more than once"
        remedy = "Give `kind: gitlab`, or `repository: pypi` or `testpypi`, or `upload_url` with `simple_url`"
        reading.problem(path, f"{name(path)} {which} what kind of index it is", remedy)
        return None
    if section.kind is not None:
        return IndexKind.GITLAB
    if section.repository is not None:
        return IndexKind(section.repository)
    if section.upload_url is None or section.simple_url is None:
        missing = "upload_url" if section.upload_url is None else "simple_url"
        why = "every upload is proved by reading it back" if missing == "simple_url" else "twine uploads there"
        reading.problem(path, f"{name(path)} has no `{missing}`", f"Add it: {why}")
        return None
    return IndexKind.SIMPLE


def _index_url(reading: Reading, path: KeyPath, text: str | None) -> str | None:
    """An index's URL as written but for its scheme: some servers tell `/` at the end from none."""
    if text is None:
        return None
    try:
        _, safe = web_url(text)
    except ValueError as error:
        reading.problem(path, f"{name(path)} {error}")
        return None
    if not safe:
        reading.problem(path, f"{name(path)} is plain http to another machine", "Use https")
    return text


def _username(reading: Reading, path: KeyPath, section: IndexSection, kind: IndexKind) -> str | None:
    """The name to sign in with; `__token__` where PyPI's token names no user."""
    has_password = section.password_env is not None or section.password_file is not None
    if section.username is not None:
        if not has_password:
            reading.problem((*path, "username"), f"{name(path)} has a `username` and no password", "Add `password_env`")
        return section.username
    if not has_password:
        return None
    if section.password_env == "TWINE_TOKEN":  # noqa: S105  (the name of a variable)
        reading.warn(
            (*path, "password_env"),
            f"{name(path)} takes TWINE_TOKEN as the password of `{_TOKEN_USER}`; twine itself never reads it.",
        )
        return _TOKEN_USER
    if kind in (IndexKind.PYPI, IndexKind.TESTPYPI):
        return _TOKEN_USER
    reading.problem(
        path, f"{name(path)} has a password and no `username`", f"Add it; for a token often `{_TOKEN_USER}`"
    )
    return None


def read_proxy(reading: Reading, above: KeyPath, text: str | None) -> str | None:
    """The proxy of a section."""
    if text is None:
        return None
    try:
        return proxy_url(text)
    except ValueError as error:
        reading.problem((*above, "proxy"), f"{name((*above, 'proxy'))} {error}")
        return None


def read_releases(
    reading: Reading, indexes: Indexes, notes: NotesPolicy = DEFAULT_NOTES, *, may_build: bool
) -> tuple[ReleaseRule, ...]:
    """All rules of a file, in its order; `notes` holds for those that say nothing of it.

    `may_build` says that the configuration lets the bot build.
    """
    value = reading.tree.data.get("releases", [])
    if not isinstance(value, list):
        reading.problem(("releases",), "`releases` must be a list of rules", 'Write `- projects: ["acme/**"]` under it')
        return ()
    rules = []
    for place, entry in enumerate(value):
        path = ("releases", place)
        section = reading.section(RuleSection, path, entry)
        if section is not None:
            own = section.notes
            said = notes if own is None else read_notes(reading, (*path, "notes"), own)
            rules.append(replace(_rule(reading, path, section, indexes), notes=said))
            if section.source == "build" and not may_build:
                what = f"{name((*path, 'source'))} is `build`, and the configuration has no `build` section"
                remedy = "Add `build: {wheelhouse: DIR}`, a folder with the wheels of the build backends"
                reading.problem((*path, "source"), what, remedy)
    return tuple(rules)


def _rule(reading: Reading, path: KeyPath, section: RuleSection, indexes: Indexes) -> ReleaseRule:
    if not section.projects:
        reading.problem(
            (*path, "projects"), f"{name((*path, 'projects'))} is empty, so the rule matches nothing", "Add a project"
        )
    if not section.tags and not section.branches:
        reading.problem(path, f"{name(path)} names neither `tags` nor `branches`", 'Add for example `tags: ["v*"]`')
    if not section.indexes:
        remedy = f"Name at least one of {listed(indexes.names)}"
        reading.problem(
            (*path, "indexes"), f"{name((*path, 'indexes'))} is empty, so nothing would be uploaded", remedy
        )
    _check_indexes(reading, path, section, indexes)
    rule = ReleaseRule(
        projects=tuple(section.projects),
        tags=tuple(section.tags),
        branches=tuple(section.branches),
        source=Source(section.source),
        indexes=tuple(section.indexes),
        names=tuple(section.names),
        pipeline=_pipeline(reading, path, section),
        new_names=section.new_names == "allow",
        package=section.package,
        reachable=section.tag_reachable,
        approval=_approval(reading, (*path, "approval"), section.approval),
        hold_on=tuple(map(DifferenceKind, section.hold_on)),
        install_check=section.install_check,
        expect=_expect(reading, (*path, "expect"), section.expect),
    )
    _check_passwords(reading, path, rule, indexes)
    _check_order(reading, path, rule, indexes)
    return rule


def _pipeline(reading: Reading, path: KeyPath, section: RuleSection) -> PipelinePolicy:
    """How far the bot may steer pipelines; refused where it would mean nothing."""
    given = section.pipeline
    if given is None:
        return PipelinePolicy()
    here = (*path, "pipeline")
    if section.source not in ("pipeline", "auto"):
        what = f"{name(here)} means nothing with `source: {section.source}`"
        reading.problem(here, what, "Take it out, or set `source: pipeline`")
    if given.inputs and not given.start:
        what = f"{name((*here, 'inputs'))} are for a pipeline that the bot starts, which `start: false` forbids"
        reading.problem((*here, "inputs"), what, "Take them out, or let it start one")
    return PipelinePolicy(
        inputs={key: tuple(value) if isinstance(value, list) else value for key, value in given.inputs.items()},
        job=given.job,
        start=given.start,
        play=given.play,
        patience=given.patience,
    )


def _check_indexes(reading: Reading, path: KeyPath, section: RuleSection, indexes: Indexes) -> None:
    """Every name is defined, and none comes twice."""
    for place, wanted in enumerate(section.indexes):
        here = (*path, "indexes", place)
        if wanted not in indexes.names:
            miss = near_miss(wanted, indexes.names)
            remedy = f"Did you mean `{miss}`?" if miss else f"Defined under `indexes`: {listed(indexes.names)}"
            reading.problem(here, f"{name(here)} names the index `{shown(wanted)}`, which is not defined", remedy)
        elif wanted in section.indexes[:place]:
            reading.problem(here, f"{name(here)} names `{shown(wanted)}` a second time", "Keep one")


def _approval(reading: Reading, path: KeyPath, section: ApprovalSection | None) -> ApprovalRule | None:
    if section is None:
        return None
    users = tuple(dict.fromkeys(user.removeprefix("@") for user in section.users))
    if users and len(users) < section.count:
        what = f"{name(path)} asks for {section.count} approvals out of {len(users)} users"
        reading.problem((*path, "users"), what, "Name more, or lower `count`")
    return ApprovalRule(
        role=Role[section.from_.upper()],
        count=section.count,
        users=users,
        all_authors=section.authors == "shipped",
    )


def _expect(reading: Reading, path: KeyPath, section: ExpectSection | None) -> ExpectedFiles | None:
    if section is None:
        return None
    if section.wheels == 0 and section.sdist is False:
        what = f"{name(path)} allows neither wheels nor an sdist, so nothing could be released"
        reading.problem(path, what, "Leave one of them out")
    return ExpectedFiles(wheels=section.wheels, sdist=section.sdist, files=tuple(section.files))


def _check_order(reading: Reading, path: KeyPath, rule: ReleaseRule, indexes: Indexes) -> None:
    """What PyPI has can never be taken back: whatever may fail elsewhere should fail before."""
    kinds = {spec.name: spec.kind for spec in indexes.specs}
    order = [one for one in rule.indexes if one in kinds]
    public = [one for one in order if kinds[one] is IndexKind.PYPI]
    if public and order[-1] != public[-1]:
        what = f"{name((*path, 'indexes'))} uploads to `{public[-1]}` before `{order[-1]}`"
        reading.warn((*path, "indexes"), f"{what}: what PyPI has can never be taken back, so it should come last.")


def _check_passwords(reading: Reading, path: KeyPath, rule: ReleaseRule, indexes: Indexes) -> None:
    """PyPI takes no upload without a token; only a project's own pipeline can do without ours (Trusted Publishing)."""
    for spec in indexes.specs:
        if spec.name not in rule.indexes or spec.username is not None or rule.source is Source.PIPELINE:
            continue
        if spec.kind in (IndexKind.PYPI, IndexKind.TESTPYPI):
            what = f"{name(path)} uploads to `{spec.name}`, which has no password"
            remedy = "Add `password_env` to the index, or set `source: pipeline` where the projects publish themselves"
            reading.problem((*path, "indexes"), what, remedy)


def read_build(reading: Reading) -> BuildPolicy | None:
    """The `build` section, which is there; None when something in it is wrong."""
    path = ("build",)
    section = reading.section(BuildSection, path, reading.tree.data["build"])
    wheelhouse = None if section is None else reading.folder_named((*path, "wheelhouse"), section.wheelhouse)
    if section is None or wheelhouse is None:
        return None
    isolation = Isolation(section.isolation)
    if isolation is Isolation.NONE:
        what = "is `none`: a project that is built can read and do all that the bot can, its tokens included."
        reading.warn((*path, "isolation"), f"{name((*path, 'isolation'))} {what}")
    return BuildPolicy(
        wheelhouse=wheelhouse,
        isolation=isolation,
        time=section.time,
        memory=section.memory,
        disk=section.disk,
    )


def hygiene_of(section: HygieneSection, waivers: tuple[Waiver, ...] = ()) -> HygienePolicy:
    """The domain's view of `hygiene`."""
    block_at = None if section.block_at == "never" else Severity[section.block_at.upper()]
    return HygienePolicy(
        block_at=block_at,
        block_unknown=section.unknown == "block",
        waivers=waivers,
        audit=section.audit,
        merge_requests=section.merge_requests,
        variables=frozenset(section.variables),
        issues=IssuePolicy(
            mode=IssueMode(section.issues),
            project=section.issue_project,
            confidential=section.confidential,
            least=Severity[section.issues_at.upper()],
        ),
    )


def check_hygiene(reading: Reading, section: HygieneSection) -> None:
    """What one key of `hygiene` asks of another."""
    if section.issues == "group" and section.issue_project is None:
        what = "`hygiene.issues: group` does not say where the issues are kept: a group has none of its own"
        remedy = "Add `issue_project`: a full path (`acme/security`), or a name that each group has a project of"
        reading.problem(("hygiene", "issues"), what, remedy)
