"""Would the next tag publish? One table of what stands in the way; test_next_tag tries the truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.ci import CiAssignment, CiCommand, CiFacts, CiJob, CiLine
from bot.domain.consents import ApprovalRule
from bot.domain.estate import ProjectFacts, ProjectSettings, ProtectedTags
from bot.domain.freezes import Freeze, Span, frozen
from bot.domain.gitlab import Level, UnreadableLevel
from bot.domain.policy import IndexKind, IndexSpec, PipelinePolicy, ReleaseRule, Source
from bot.domain.verdicts import Verdict
from bot.hygiene.readiness import Question, covering, next_tag, readiness, ready
from bot.hygiene.running import Check
from tests.unit.hygiene_facts import BROKEN, LOCKED, access, job, place, variable

TAG = "v1.2.3"
OIDC = {"PYPI_ID_TOKEN": ("pypi",)}
PIPELINE = Question(tag=TAG, rule=None, gitlab="gitlab.com")
RULE = ReleaseRule(projects=("acme/**",), tags=("v*",), source=Source.ARTIFACTS, indexes=("registry",))
BOT = Question(tag=TAG, rule=RULE, indexes=(IndexSpec(name="registry", kind=IndexKind.GITLAB),))


def upload(*words: str, assigns: tuple[CiAssignment, ...] = ()) -> CiCommand:
    return CiCommand(words=("twine", "upload", *words, "dist/*"), assigns=assigns)


def publisher(command: CiCommand | None = None, **changes: object) -> CiJob:
    made = replace(
        job(),
        publisher="twine",
        builds=True,
        script=(CiLine(text="twine upload", commands=(command or upload(),)),),
        only=("tags",),
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # fields of the job


def file(*jobs: CiJob, **changes: object) -> CiFacts:
    return replace(CiFacts(jobs=jobs), **changes)  # type: ignore[arg-type]  # fields of the file


def verdicts(facts: ProjectFacts, question: Question = PIPELINE) -> dict[str, Check]:
    return {check.name: check for check in readiness(facts, question)}


BUILD = replace(job("build", publishes=False), artifacts=("dist/",), only=("tags",))
GOOD = place(variable(), ci=file(publisher()), access=access())
USUAL = ProjectSettings(default_branch="main", visibility="private", public_jobs=True, variables_role="maintainer")
TWO_RULES = (ProtectedTags(pattern="v*", create=(0,)), ProtectedTags(pattern="v1*", create=(40,)))
HIDDEN_LEVEL = replace(place().variables, unreadable=(UnreadableLevel(Level.INSTANCE, "variables of the instance"),))
PLAYED = replace(BOT, rule=replace(RULE, source=Source.PIPELINE, pipeline=PipelinePolicy(play=True)))
READY: list[tuple[str, ProjectFacts, Question]] = [
    ("a tag that one rule lets nobody make, and another", replace(GOOD, access=access(tags=TWO_RULES)), PIPELINE),
    (
        "the bot, a level that nobody can read",
        replace(place(ci=file(BUILD), access=access()), variables=HIDDEN_LEVEL),
        BOT,
    ),
    ("all as it should be", GOOD, PIPELINE),
    ("built by another", place(variable(), ci=file(BUILD, publisher(builds=False)), access=access()), PIPELINE),
    (
        "built by several made from one job",
        place(variable(), ci=file(BUILD, publisher(builds=False, dependencies=("build: [3.12]",))), access=access()),
        PIPELINE,
    ),
    (
        "an environment that the file names by a variable",
        place(variable(), ci=file(publisher(environment="$WHERE", variables={"WHERE": "pypi"})), access=access()),
        PIPELINE,
    ),
    ("the bot uploads", place(variable(), ci=file(BUILD), access=access()), BOT),
    (
        "GitLab's own registry",
        place(
            ci=file(
                publisher(
                    variables={
                        "TWINE_PASSWORD": "${CI_JOB_TOKEN}",
                        "TWINE_USERNAME": "gitlab-ci-token",
                        "TWINE_REPOSITORY_URL": "$CI_API_V4_URL",
                    }
                )
            ),
            access=access(),
        ),
        PIPELINE,
    ),
    (
        "two jobs, one of them fits",
        place(variable(), ci=file(publisher(only=("main",)), publisher(name="other")), access=access()),
        PIPELINE,
    ),
]
BROKEN_ONES: list[tuple[str, ProjectFacts, Question, str]] = [
    ("no CI file", place(variable(), access=access()), PIPELINE, "ci file"),
    ("no publishing job", place(variable(), ci=file(BUILD), access=access()), PIPELINE, "publishing job"),
    ("manual", place(variable(), ci=file(publisher(when="manual")), access=access()), PIPELINE, "publishing job"),
    (
        "branches only",
        place(variable(), ci=file(publisher(only=("main",))), access=access()),
        PIPELINE,
        "publishing job",
    ),
    ("no password", place(ci=file(publisher()), access=access()), PIPELINE, "credential"),
    ("protected, tag is not", place(variable(), ci=file(publisher()), access=access(tags=())), PIPELINE, "credential"),
    ("other scope", place(variable(scope="test"), ci=file(publisher()), access=access()), PIPELINE, "credential"),
    (
        "set to itself",
        place(ci=file(publisher(variables={"TWINE_PASSWORD": "$TWINE_PASSWORD"})), access=access()),
        PIPELINE,
        "credential",
    ),
    (
        "no user name elsewhere",
        place(variable(), ci=file(publisher(upload("--repository-url", "https://in.house"))), access=access()),
        PIPELINE,
        "credential",
    ),
    (
        "trusted publishing from elsewhere",
        place(ci=file(publisher(id_tokens=OIDC)), access=access()),
        replace(PIPELINE, gitlab="gitlab.example"),
        "credential",
    ),
    (
        "an id token of another name",
        place(ci=file(publisher(id_tokens={"TOKEN": ("pypi",)})), access=access()),
        PIPELINE,
        "credential",
    ),
    ("the bot, tag unprotected", place(variable(), ci=file(BUILD), access=access(tags=())), BOT, "tag protected"),
    ("the bot, nothing kept", place(ci=file(replace(BUILD, artifacts=())), access=access()), BOT, "build job"),
    ("the bot, leaky variable", place(variable(masked=False), ci=file(BUILD), access=access()), BOT, "hygiene"),
    (
        "the bot, leaky variable of another name that a job uploads with",
        place(
            variable("DEPLOY_TOKEN", masked=False),
            ci=file(BUILD, publisher(uses=frozenset({"DEPLOY_TOKEN"}))),
            access=access(),
        ),
        BOT,
        "hygiene",
    ),
    (
        "the bot, a level that policy wants read",
        replace(place(ci=file(BUILD), access=access()), variables=HIDDEN_LEVEL),
        replace(BOT, block_unknown=True),
        "hygiene",
    ),
    (
        "the bot plays a job, leaky variable",
        place(variable(masked=False), ci=file(publisher(when="manual")), access=access()),
        PLAYED,
        "hygiene",
    ),
    ("archived", replace(GOOD, archived=True), PIPELINE, "project"),
    ("no CI/CD", replace(GOOD, access=access(settings=replace(USUAL, pipelines=False))), PIPELINE, "pipeline"),
    (
        "the bot, no registry",
        place(variable(), ci=file(BUILD), access=access(settings=replace(USUAL, packages=False))),
        BOT,
        "index registry",
    ),
    (
        "a tag that nobody may create",
        replace(GOOD, access=access(tags=(ProtectedTags(pattern="v*", create=(0,)),))),
        PIPELINE,
        "tag protected",
    ),
    (
        "two uploads, one without a password",
        place(ci=file(publisher(upload("-u", "ci", "-p", "$CI_JOB_TOKEN")), publisher(name="other")), access=access()),
        PIPELINE,
        "credential",
    ),
]
UNSURE: list[tuple[str, ProjectFacts, Question, str]] = [
    ("broken CI file", place(variable(), ci=BROKEN, access=access()), PIPELINE, "ci file"),
    ("hidden jobs", place(variable(), ci=file(includes=("remote",)), access=access()), PIPELINE, "ci file"),
    (
        "tags out of sight",
        place(variable(), ci=file(publisher()), access=access(tags=LOCKED)),
        PIPELINE,
        "tag protected",
    ),
    ("trusted publishing", place(ci=file(publisher(id_tokens=OIDC)), access=access()), PIPELINE, "credential"),
    (
        "nothing that was built",
        place(variable(), ci=file(replace(BUILD, artifacts=()), publisher(builds=False)), access=access()),
        PIPELINE,
        "upload",
    ),
    (
        "what was built, not taken",
        place(variable(), ci=file(BUILD, publisher(builds=False, dependencies=())), access=access()),
        PIPELINE,
        "upload",
    ),
    (
        "what is built on branches only",
        place(variable(), ci=file(replace(BUILD, only=("main",)), publisher(builds=False)), access=access()),
        PIPELINE,
        "upload",
    ),
    (
        "an environment that the settings name",
        place(
            variable(),
            variable("WHERE", scope="*"),
            ci=file(publisher(environment="$WHERE", variables={"WHERE": "pypi"})),
            access=access(),
        ),
        PIPELINE,
        "credential",
    ),
    ("another tool", place(variable(), ci=file(publisher(publisher="flit")), access=access()), PIPELINE, "credential"),
    (
        "a password from a command",
        place(ci=file(publisher(upload(assigns=(CiAssignment(name="TWINE_PASSWORD", value=None),)))), access=access()),
        PIPELINE,
        "credential",
    ),
    (
        "levels out of sight",
        replace(
            place(ci=file(publisher()), access=access()),
            variables=HIDDEN_LEVEL,
        ),
        PIPELINE,
        "credential",
    ),
]


@pytest.mark.parametrize(("what", "facts", "question"), READY, ids=lambda one: one if isinstance(one, str) else "")
def test_what_is_in_order_is_ready(what: str, facts: ProjectFacts, question: Question) -> None:
    """Every check passes or does not concern it."""
    found = readiness(facts, question)
    assert ready(found), [check for check in found if check.verdict is not Verdict.PASS]


@pytest.mark.parametrize(
    ("what", "facts", "question", "name"), BROKEN_ONES, ids=lambda one: one if isinstance(one, str) else ""
)
def test_what_stands_in_the_way_is_named(what: str, facts: ProjectFacts, question: Question, name: str) -> None:
    """The check that fails, with a reason and a remedy."""
    found = verdicts(facts, question)
    assert found[name].verdict is Verdict.FAIL, found
    assert found[name].remedy
    assert not ready(tuple(found.values()))


@pytest.mark.parametrize(
    ("what", "facts", "question", "name"), UNSURE, ids=lambda one: one if isinstance(one, str) else ""
)
def test_what_nobody_can_know_is_no_promise(what: str, facts: ProjectFacts, question: Question, name: str) -> None:
    """Unknown, and not ready."""
    found = verdicts(facts, question)
    assert found[name].verdict is Verdict.UNKNOWN, found
    assert not ready(tuple(found.values()))


def test_the_next_tag_looks_like_a_version() -> None:
    """Of the first pattern; and the rule that covers it is policy's first."""
    assert next_tag(("v*", "release-*")) == "v9999.0.0"
    assert next_tag(("release-*-final",)) == "release-9999.0.0-final"
    assert next_tag(("stable",)) == "stable"
    assert covering((RULE,), "acme/tools/widget", TAG) == RULE
    assert covering((RULE,), "other/widget", TAG) is None


AUTO = replace(BOT, rule=replace(RULE, source=Source.AUTO), gitlab="gitlab.com")
PLAYED = replace(AUTO, rule=replace(RULE, source=Source.AUTO, pipeline=PipelinePolicy(play=True)))
OWN = replace(AUTO, rule=replace(RULE, source=Source.PIPELINE, pipeline=PipelinePolicy(play=True)))
MANUAL = publisher(when="manual")


@pytest.mark.parametrize(
    ("jobs", "question", "asked"),
    [
        ((BUILD,), AUTO, "build job"),
        ((BUILD, publisher()), AUTO, "publishing job"),
        ((BUILD, publisher(only=("main",))), AUTO, "build job"),
        ((BUILD, MANUAL), AUTO, "build job"),
        ((MANUAL,), AUTO, "publishing job"),
        ((BUILD, MANUAL), PLAYED, "publishing job"),
        ((BUILD, MANUAL), OWN, "publishing job"),
        ((BUILD, publisher()), BOT, "build job"),
        ((BUILD,), replace(AUTO, may_build=True), "build job"),
    ],
)
def test_who_uploads_is_who_would_when_the_tag_comes(jobs: tuple[CiJob, ...], question: Question, asked: str) -> None:
    found = verdicts(place(variable(), ci=file(*jobs), access=access()), question)
    assert [name for name in ("build job", "publishing job") if name in found] == [asked]


@pytest.mark.parametrize(
    "question", [replace(BOT, rule=replace(RULE, source=Source.BUILD)), replace(AUTO, may_build=True)]
)
@pytest.mark.parametrize("ci", [None, file(replace(BUILD, artifacts=()))])
def test_what_the_bot_builds_needs_no_job(question: Question, ci: CiFacts | None) -> None:
    """Neither a build job nor a CI file at all; without leave to build both are missed."""
    assert ready(readiness(place(variable(), ci=ci, access=access()), question))
    assert not ready(readiness(place(variable(), ci=ci, access=access()), BOT))


@pytest.mark.parametrize(
    ("question", "verdict"), [(PLAYED, Verdict.PASS), (OWN, Verdict.PASS), (PIPELINE, Verdict.FAIL)]
)
def test_a_job_for_a_person_is_no_hindrance_where_the_bot_plays_it(question: Question, verdict: Verdict) -> None:
    found = verdicts(place(variable(), ci=file(MANUAL), access=access()), question)
    assert found["publishing job"].verdict is verdict


def test_a_freeze_stands_in_the_way_and_an_approval_is_told() -> None:
    facts = place(variable(), ci=file(BUILD), access=access())
    end = datetime(2026, 12, 24, tzinfo=UTC)
    freeze = Freeze(name="year end", window=Span(start=end - timedelta(days=9), end=end), zone=UTC)
    found = verdicts(facts, replace(BOT, frozen=frozen([freeze], end - timedelta(days=1))))
    assert found["freeze"] == Check(
        name="freeze",
        verdict=Verdict.FAIL,
        reason="frozen until 2026-12-24 00:00 UTC by year end",
        remedy="Wait, or lift the freeze in the policy",
    )
    asking = replace(BOT, rule=replace(RULE, approval=ApprovalRule(count=2, users=("ada", "bob"))))
    checks = readiness(facts, asking)
    assert {check.name: check.reason for check in checks}["approval"] == (
        "it would wait for 2 of the maintainers of the project out of ada, bob to approve it "
        "(`ropewalk release approve`)"
    )
    assert ready(checks)
    assert {"freeze", "approval"}.isdisjoint(verdicts(facts, BOT))


def ours(*options: str, id_tokens: Mapping[str, tuple[str, ...]] | None = None) -> CiJob:
    command = CiCommand(words=("ropewalk", "publish", "dist/*", *options))
    script = (CiLine(text="ropewalk publish", commands=(command,)),)
    return publisher(None, publisher="ropewalk", script=script, id_tokens=id_tokens or {})


@pytest.mark.parametrize(
    ("job_", "verdict"),
    [
        (ours(), Verdict.PASS),
        (ours("--to", "registry"), Verdict.PASS),
        (ours("--to=pypi", id_tokens=OIDC), Verdict.UNKNOWN),
        (ours("--to", "pypi"), Verdict.UNKNOWN),
        (ours("--to", "https://packages.example.com/"), Verdict.UNKNOWN),
        (ours("--to", "pypi", id_tokens={"OTHER": ("pypi",)}), Verdict.FAIL),
    ],
)
def test_our_own_publish_signs_in_to_the_registry_by_itself(job_: CiJob, verdict: Verdict) -> None:
    """Elsewhere only the job itself, or PyPI, knows."""
    assert verdicts(place(ci=file(job_), access=access()))["credential"].verdict is verdict
