"""Who can read a credential, and by which chain: refs, merge requests, forks, schedules, triggers, jobs, people.

What is told is what the settings allow, not what somebody did. A chain is the steps from a person to the value.

Source: doc/ci/variables/_index.md, doc/ci/pipelines/merge_request_pipelines.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from bot.domain.ci import CiFacts, CiJob
from bot.domain.estate import Access, ProjectSettings, ProtectedBranches, ProtectedTags, Role, Schedule, Unread
from bot.domain.gitlab import VariableFlags
from bot.domain.verdicts import Verdict
from bot.hygiene.effective import effective, nearness, scope_fit
from bot.hygiene.facts import ProjectFacts
from bot.hygiene.handing import environment_of
from bot.hygiene.judging import called
from bot.hygiene.protection import branch_rules, open_to_developers
from bot.hygiene.publishing import is_credential

ROLES = {Role.DEVELOPER: "Developers", Role.MAINTAINER: "Maintainers", Role.OWNER: "Owners", Role.ADMIN: "admins"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """One way to the value. `kind` is branches, tags, merge requests, forks, schedule, trigger, job, people or logs.

    `open` is `fail` where somebody gets it who need not be trusted with it, `pass` where that is closed or only those
    who may anyway, `unknown` where nobody could look.
    """

    kind: str
    who: str
    open: Verdict
    chain: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """One variable (key, level, scope) and all ways to its value."""

    variable: VariableFlags
    resource: str
    readers: tuple[Reader, ...]


def exposures(facts: ProjectFacts, key: str | None = None) -> tuple[Exposure, ...]:
    """Of one variable by name, else of every credential that jobs of the project may get."""
    chosen = [
        flags
        for flags in facts.variables.flags
        if flags.key == key or (key is None and is_credential(facts, flags.key))
    ]
    return tuple(
        Exposure(variable=flags, resource=facts.resource(flags), readers=tuple(_readers(facts, flags)))
        for flags in chosen
    )


def _readers(facts: ProjectFacts, flags: VariableFlags) -> Iterator[Reader]:
    shadow = _shadow(facts, flags)
    if shadow is not None:
        chain = f"shadowed by {called(shadow)}, whatever the ref and the environment: no job here can get it"
        yield Reader(kind="job", who="nobody", open=Verdict.PASS, chain=chain)
        yield _people(flags)
        return
    yield from _jobs(facts, flags)
    access = facts.access
    if access is None:
        yield _blind("refs", Unread(what="who may do what", remedy=""))
        return
    yield from _refs(access, flags)
    yield _merge_requests(flags)
    yield _forks(flags)
    yield from _schedules(access, flags)
    yield from _triggers(access, flags)
    yield _people(flags)
    yield from _overrides(access, flags)
    yield from _logs(access, flags)


def _blind(kind: str, unread: Unread) -> Reader:
    return Reader(kind=kind, who="nobody knows", open=Verdict.UNKNOWN, chain=f"could not look at {unread.what}")


def _shadow(facts: ProjectFacts, flags: VariableFlags) -> VariableFlags | None:
    """The nearer variable that every job gets in its place; None if some job may get this one."""
    for other in facts.variables.flags:
        everywhere = other.environment_scope == "*" and (flags.protected or not other.protected)
        if other.key == flags.key and everywhere and nearness(other) > nearness(flags):
            return other
    return None


def _jobs(facts: ProjectFacts, flags: VariableFlags) -> Iterator[Reader]:
    """Which jobs of the CI file get it, once the pipeline does."""
    if not isinstance(facts.ci, CiFacts):
        what = "the CI file" if facts.ci is None else facts.ci.reason
        yield Reader(
            kind="job", who="any job", open=Verdict.UNKNOWN, chain=f"{what}: whatever jobs there are may get it"
        )
        return
    if not facts.ci.whole:
        yield Reader(kind="job", who="hidden jobs", open=Verdict.UNKNOWN, chain="includes could not be resolved")
    for written in facts.ci.jobs:
        job = replace(written, environment=environment_of(facts, facts.ci, written))
        if _reaches(flags, job) is None:
            continue
        refs, instead = _shadowed(facts, flags, job)
        if not refs:
            chain = f"shadowed by {called(instead or flags)}, which the job gets in its place"
            yield Reader(kind="job", who=f"job {job.name}", open=Verdict.PASS, chain=chain)
            continue
        yield _job(flags, job, refs, instead)


def _job(flags: VariableFlags, job: CiJob, refs: str, instead: VariableFlags | None) -> Reader:
    """A job that gets it on these refs, and elsewhere another."""
    uses = job.publishes or flags.key in job.uses
    sure = flags.environment_scope == "*" or "$" not in (job.environment or "")
    if sure:
        scope = "has scope *" if flags.environment_scope == "*" else f"fits environment {job.environment}"
        chain = f"{flags.key} {scope}, so the job's environment holds it"
    else:
        chain = (
            f"{flags.key} has scope {flags.environment_scope}, and the job's environment, {job.environment}, is known "
        )
        chain += "only when it runs: it may get it"
    chain += "" if uses else ", though it needs none"
    chain += f"; on {refs} only: elsewhere it is shadowed by {called(instead)}" if instead else ""
    verdict = Verdict.PASS if uses else Verdict.FAIL if sure else Verdict.UNKNOWN
    return Reader(kind="job", who=f"job {job.name}", open=verdict, chain=chain)


def _shadowed(facts: ProjectFacts, flags: VariableFlags, job: CiJob) -> tuple[str, VariableFlags | None]:
    """On which refs the job gets this very variable, empty for none, and what it gets in its place on others.

    By an environment whose name is known only then, nothing of the same level can be told apart.
    """
    environment = job.environment if job.environment is None or "$" not in job.environment else None
    known = environment == job.environment
    got: list[str] = []
    instead: VariableFlags | None = None
    for protected, refs in ((True, "protected refs"), (False, "unprotected refs")):
        if flags.protected and not protected:
            continue
        rows = (one for one in facts.variables.flags if one.key == flags.key)
        other = effective(rows, protected_ref=protected, environment=environment).get(flags.key, flags)
        if other == flags or not (known or nearness(other) > nearness(flags)):
            got.append(refs)
        else:
            instead = other
    return " and ".join(got), instead


def _reaches(flags: VariableFlags, job: CiJob) -> int | None:
    """How well the scope fits; an environment with a variable in it may be anything that begins alike."""
    if job.environment is None or "$" not in job.environment:
        return scope_fit(flags.environment_scope, job.environment)
    head = job.environment.partition("$")[0]
    scope = flags.environment_scope
    return (
        0
        if scope == "*" or scope.partition("*")[0].startswith(head) or head.startswith(scope.partition("*")[0])
        else None
    )


def _refs(access: Access, flags: VariableFlags) -> Iterator[Reader]:
    if not flags.protected:
        yield Reader(
            kind="branches",
            who="Developers",
            open=Verdict.FAIL,
            chain=f"push any branch with a changed CI file → its pipeline gets {flags.key}, which is not protected",
        )
        yield Reader(
            kind="tags",
            who="Developers",
            open=Verdict.FAIL,
            chain=f"push any tag no rule protects → its pipeline gets {flags.key}, which is not protected",
        )
        return
    if isinstance(access.branches, Unread):
        yield _blind("branches", access.branches)
    else:
        yield from (_branch(one) for one in access.branches)
    if isinstance(access.tags, Unread):
        yield _blind("tags", access.tags)
    else:
        yield from (_tag(one) for one in access.tags)


def _branch(one: ProtectedBranches) -> Reader:
    pushed = open_to_developers(one.push)
    merged = open_to_developers(one.merge)
    chain = f"push to a branch that matches {one.pattern} → its pipeline is one of a protected ref"
    if not pushed and merged:
        chain = f"merge into a branch that matches {one.pattern}, after whatever review there is → its pipeline runs"
    who = "Developers" if pushed or merged else _who(one.push + one.merge)
    return Reader(kind="branches", who=who, open=Verdict.FAIL if pushed else Verdict.PASS, chain=chain)


def _tag(one: ProtectedTags) -> Reader:
    loose = open_to_developers(one.create)
    chain = f"create a tag that matches {one.pattern}, on any commit → its pipeline is one of a protected ref"
    return Reader(kind="tags", who=_who(one.create), open=Verdict.FAIL if loose else Verdict.PASS, chain=chain)


def _who(levels: tuple[int, ...]) -> str:
    least = min((level for level in levels if level > 0), default=None)
    return (
        "those named by the rule"
        if least is None
        else ROLES.get(Role(least), "members")
        if least in set(Role)
        else "members"
    )


def _merge_requests(flags: VariableFlags) -> Reader:
    if flags.protected:
        return Reader(
            kind="merge requests",
            who="those who may push to protected branches",
            open=Verdict.PASS,
            chain="open a merge request between two protected branches of this project; any other gets it not",
        )
    return Reader(
        kind="merge requests",
        who="Developers",
        open=Verdict.FAIL,
        chain="open a merge request from a branch of this project → its pipeline runs the branch's own CI file",
    )


def _forks(flags: VariableFlags) -> Reader:
    if flags.protected:
        chain = "a fork's branch is never a protected ref of this project, whoever starts the pipeline"
        return Reader(kind="forks", who="nobody", open=Verdict.PASS, chain=chain)
    return Reader(
        kind="forks",
        who="anybody who can fork, with the help of a member",
        open=Verdict.FAIL,
        chain="open a merge request from a fork → a Developer here presses “Run pipeline” → it runs in this project "
        "with the fork's CI file",
    )


def _schedules(access: Access, flags: VariableFlags) -> Iterator[Reader]:
    if isinstance(access.schedules, Unread):
        yield _blind("schedule", access.schedules)
        return
    for one in access.schedules:
        if one.active and _scheduled(access, flags, one):
            yield Reader(
                kind="schedule",
                who=f"schedule {one.id}",
                open=Verdict.FAIL if flags.environment_scope == "*" else Verdict.PASS,
                chain=f"runs on {one.ref} by itself → every job that fits scope {flags.environment_scope} gets it",
            )


def _scheduled(access: Access, flags: VariableFlags, one: Schedule) -> bool:
    if not flags.protected:
        return True
    ref = one.ref.removeprefix("refs/heads/")
    return isinstance(access.branches, Unread) or bool(branch_rules(ref, access.branches))


def _triggers(access: Access, flags: VariableFlags) -> Iterator[Reader]:
    if isinstance(access.triggers, Unread):
        yield _blind("trigger", access.triggers)
        return
    for one in access.triggers:
        owner = one.owner or "its owner"
        refs = "a protected ref" if flags.protected else "any ref"
        chain = f"hold the token → start a pipeline on {refs} as {owner}; the ref's own CI file decides what it does"
        yield Reader(kind="trigger", who=f"holder of trigger token {one.id}", open=Verdict.FAIL, chain=chain)


def _people(flags: VariableFlags) -> Reader:
    where = {"project": "Maintainers of the project", "group": f"Owners of {flags.owner}"}.get(flags.level, "admins")
    if flags.hidden:
        chain = "hidden: neither the settings nor the API show it"
        return Reader(kind="people", who="nobody", open=Verdict.PASS, chain=chain)
    chain = (
        f"open Settings > CI/CD > Variables, or ask the API with any token of theirs → read {flags.key} in plain text"
    )
    return Reader(kind="people", who=where, open=Verdict.FAIL, chain=chain)


def _overrides(access: Access, flags: VariableFlags) -> Iterator[Reader]:
    settings = access.settings
    if isinstance(settings, Unread) or settings.variables_role is None:
        return
    if settings.variables_role == "developer":
        ref = "a protected ref they may push to" if flags.protected else "any branch"
        chain = f"start a pipeline of {ref} with TWINE_REPOSITORY_URL of their own → the job sends the token there"
        yield Reader(kind="pipeline variables", who="Developers", open=Verdict.FAIL, chain=chain)


def _logs(access: Access, flags: VariableFlags) -> Iterator[Reader]:
    if flags.masked:
        chain = "masked: logs show [MASKED], unless the job changes it (base64, a part of it)"
        yield Reader(kind="logs", who="readers of job logs", open=Verdict.PASS, chain=chain)
        return
    if isinstance(access.settings, Unread):
        yield _blind("logs", access.settings)
        return
    chain = f"a job prints its environment → read {flags.key} in its log"
    yield Reader(kind="logs", who=_log_readers(access.settings), open=Verdict.FAIL, chain=chain)


def _log_readers(settings: ProjectSettings) -> str:
    if not settings.public_jobs:
        return "members from Developer up"
    audience = {"public": "everybody on the internet", "internal": "everybody who can sign in"}
    return audience.get(settings.visibility, "every member of the project")
