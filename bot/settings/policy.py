"""Sections to the domain's policy: release rules, building, hygiene."""

from __future__ import annotations

from dataclasses import replace

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
    Isolation,
    PipelinePolicy,
    ReleaseRule,
    Source,
)
from bot.domain.refs import matches_wildcard
from bot.domain.rolling import IssueMode, IssuePolicy
from bot.domain.verdicts import Severity
from bot.domain.versioning import FIRST, Auto, VersioningPolicy, VersionSource
from bot.settings.indexes import Indexes
from bot.settings.notes import read_notes
from bot.settings.problems import listed, near_miss, shown
from bot.settings.reading import Reading, name
from bot.settings.shape import (
    ApprovalSection,
    BuildSection,
    ExpectSection,
    HygieneSection,
    RuleSection,
)
from bot.settings.tree import KeyPath


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
        deploy_freezes=section.deploy_freezes,
        approval=_approval(reading, (*path, "approval"), section.approval),
        hold_on=tuple(map(DifferenceKind, section.hold_on)),
        install_check=section.install_check,
        expect=_expect(reading, (*path, "expect"), section.expect),
        versioning=_versioning(reading, path, section),
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


def _versioning(reading: Reading, path: KeyPath, section: RuleSection) -> VersioningPolicy | None:
    """How the bot tags; refused where what it tags would not be released by the very rule."""
    given = section.versioning
    if given is None:
        return None
    here = (*path, "versioning", "tag")
    if given.tag.count("{version}") != 1:
        reading.problem(here, f"{name(here)} must hold `{{version}}` once", "For example `v{version}`")
        return None
    made = VersioningPolicy(
        by=VersionSource(given.by),
        branch=given.branch,
        tag=given.tag,
        merge_request=given.merge_request,
        auto=Auto(given.auto),
    )
    if made.auto is Auto.PROPOSE and not made.merge_request:
        where = (*path, "versioning", "auto")
        what = f"{name(where)} proposes release merge requests, which the rule does not ask for"
        reading.problem(where, what, "Add `merge_request: true`, or set `auto: tag`")
    if not any(matches_wildcard(pattern, made.name(FIRST)) for pattern in section.tags):
        what = f"{name(here)} makes tags such as `{shown(made.name(FIRST))}`, which `tags` of the rule does not release"
        reading.problem(here, what, f'Add for example `tags: ["{shown(given.tag.replace("{version}", "*"))}"]`')
    return made


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
