"""Rules about refs and access, one table: well kept, badly kept, out of sight."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from bot.adapters.ci.reading import read_ci
from bot.domain.ci import CiFacts, CiRule
from bot.domain.estate import (
    Access,
    AccessToken,
    GroupTokens,
    ProjectFacts,
    ProjectSettings,
    ProtectedBranches,
    ProtectedTags,
    Schedule,
    Trigger,
    Unread,
)
from bot.domain.gitlab import VariableFlags
from bot.domain.verdicts import Verdict
from bot.hygiene.catalogue import RULES
from tests.unit.hygiene_facts import LOCKED, TAGS, access, job, place, variable

OIDC = {"PYPI_ID_TOKEN": ("pypi",)}
TAGGED = "$CI_COMMIT_TAG"
RULE = {rule.info.id: rule for rule in RULES if rule.info.id.startswith("RW3")}


def branches(pattern: str, push: int = 40, *, force: bool = False) -> ProtectedBranches:
    return ProtectedBranches(pattern=pattern, push=(push,), merge=(40,), force_push=force)


def tags(pattern: str, *create: int) -> ProtectedTags:
    return ProtectedTags(pattern=pattern, create=create or (40,))


def settings(
    role: str | None = "maintainer", *, visibility: str = "private", branch: str | None = "main"
) -> ProjectSettings:
    return ProjectSettings(default_branch=branch, visibility=visibility, public_jobs=True, variables_role=role)


def nightly(ref: str, *, active: bool = True) -> tuple[Schedule, ...]:
    return (Schedule(id=3, ref=ref, active=active),)


def keeping(*keys: str) -> tuple[Schedule, ...]:
    return (Schedule(id=3, ref="main", active=False, keys=keys),)


def trigger(expires: date | None) -> tuple[Trigger, ...]:
    return (Trigger(id=4, description="d", owner="ada", expires_on=expires),)


def token(expires: date | None, *scopes: str) -> tuple[AccessToken, ...]:
    return (AccessToken(id=5, scopes=scopes or ("api",), expires_on=expires),)


def trusted(*, tags: tuple[ProtectedTags, ...] = TAGS, **changes: object) -> ProjectFacts:
    """A project whose one job publishes with an identity token."""
    made = replace(job(id_tokens=OIDC), **changes)  # type: ignore[arg-type]  # fields of the job
    return place(ci=CiFacts(jobs=(made,)), access=access(tags=tags))


def in_group(access_tokens: tuple[AccessToken, ...] | Unread, deploy_tokens: tuple[AccessToken, ...]) -> Access:
    group = GroupTokens(group="acme", access_tokens=access_tokens, deploy_tokens=deploy_tokens)
    return replace(access(), groups=(group,))


def on_the_day(found: Access) -> ProjectFacts:
    return replace(place(access=found), at=datetime(2026, 11, 28, 6, tzinfo=UTC))


RELEASE_BRANCH = "rules: [{if: '$CI_COMMIT_BRANCH =~ /^release\\//'}]"


def releasing(
    when: str, found: Access, flags: VariableFlags | None = None, upload: str = "twine upload dist/*"
) -> ProjectFacts:
    """A project whose one job uploads, in those pipelines."""
    text = f"publish:\n  environment: pypi\n  script: [{upload}]\n  {when}\n"
    return place(flags or variable(), ci=read_ci(text, merged=False), access=found)


WIDE = variable(scope="*")
PASS: list[tuple[str, ProjectFacts]] = [
    ("RW301", place(access=access())),
    ("RW301", place(access=access(tags=(tags("*"),)))),
    ("RW301", place()),  # it does not publish, and was not asked
    ("RW302", place(access=access())),
    ("RW302", place(access=access(tags=(tags("v*", 0), tags("nightly-*", 30))))),
    ("RW303", place(access=access())),
    ("RW304", place(access=access())),
    ("RW304", place(access=access(settings=settings(branch=None), branches=()))),
    ("RW305", releasing("only: [tags]", access())),
    ("RW305", releasing("only: [tags]", access(tags=()), variable(protected=False))),
    ("RW305", releasing("only: [main]", access(tags=()))),  # no job runs for tags
    ("RW305", releasing("rules: [{if: '$CI_COMMIT_TAG && $CI_COMMIT_REF_PROTECTED == \"true\"'}]", access(tags=()))),
    ("RW305", place(variable(), access=access(tags=()))),  # no job at all
    ("RW305", releasing("only: [tags]", access(tags=()), variable(scope="production"))),  # never its own
    ("RW305", releasing("only: [tags]", access(tags=()), upload="twine upload -p $CI_JOB_TOKEN dist/*")),
    ("RW305", releasing("rules: [{if: '$CI_COMMIT_TAG =~ /^v1/ && $PUBLISH == \"1\"'}]", access())),
    ("RW305", releasing("only: [/^r\\d/]", access(branches=(branches("r*"), branches("main"))))),  # branches are meant
    ("RW305", releasing("rules: [{if: '$CI_COMMIT_TAG =~ /beta/'}]", access())),  # a filter names no ref
    ("RW306", place(access=access())),
    ("RW306", place(access=access(settings=settings("no_one_allowed")))),
    ("RW307", place(access=access())),
    ("RW308", place(access=access())),
    ("RW309", place(variable(), access=access(schedules=nightly("main")))),
    ("RW309", place(WIDE, access=access(schedules=nightly("refs/heads/work")))),
    ("RW309", place(WIDE, access=access(schedules=nightly("main", active=False)))),
    ("RW310", place(access=access(triggers=trigger(date(2027, 1, 1))))),
    ("RW311", place(variable(masked=False), access=access())),
    ("RW311", place(variable(), access=access(settings=settings(visibility="public")))),
    ("RW312", place(access=access(branches=(branches("main", 0),)))),
    ("RW313", place(variable(), access=access(branches=(branches("*", 0), branches("main"))))),
    ("RW313", place(access=access(branches=(branches("*"),)))),
    ("RW314", on_the_day(access(access_tokens=token(date(2026, 12, 29))))),
    ("RW314", on_the_day(access(access_tokens=token(date(2026, 12, 1), "read_api")))),
    ("RW314", on_the_day(access(deploy_tokens=token(None, "read_package_registry")))),
    ("RW314", on_the_day(access(access_tokens=token(date(2026, 11, 27))))),
    ("RW315", place(access=access(schedules=keeping("REGION", "TWINE_USERNAME", "TOKEN_URL")))),
    ("RW315", place(access=access(schedules=keeping()))),
    ("RW314", on_the_day(in_group(token(date(2027, 6, 1)), token(None, "read_registry")))),
    ("RW316", trusted(only=("tags",), tags=(tags("*"),))),
    ("RW316", trusted(gates=(CiRule(condition=f"{TAGGED} && $CI_COMMIT_REF_PROTECTED == 'true'", when="on_success"),))),
    ("RW316", trusted(gates=(CiRule(condition=f"{TAGGED} =~ /^v/", when="on_success"),))),
    ("RW316", trusted(only=("main",))),
    ("RW316", trusted(only=("tags",), id_tokens={})),
]
FAIL: list[tuple[str, ProjectFacts, str]] = [
    ("RW301", place(access=access(tags=())), "v*"),
    ("RW301", place(access=access(tags=(tags("v1*"), tags("release-*")))), "v*"),
    ("RW302", place(access=access(tags=(tags("v*", 30),))), "v*"),
    ("RW302", place(access=access(tags=(tags("*", 40, 30),))), "*"),
    ("RW303", place(access=access(branches=(branches("main", force=True),))), "main"),
    ("RW304", place(access=access(branches=(branches("release/*"),))), "main"),
    ("RW305", releasing("only: [tags]", access(tags=())), "protected_tags/v*#TWINE_PASSWORD"),
    ("RW305", releasing("only: [/^v/]", access(tags=(tags("v1*"),))), "protected_tags/v*#TWINE_PASSWORD"),
    ("RW305", releasing("only: [tags]", access(tags=()), variable(group="acme")), "TWINE_PASSWORD"),
    ("RW305", releasing("only: [main]", access(branches=())), "protected_branches/main#TWINE_PASSWORD"),
    ("RW305", releasing(RELEASE_BRANCH, access()), "protected_branches/release/9999.0.0#TWINE_PASSWORD"),
    ("RW306", place(access=access(settings=settings("developer"))), "ci_pipeline_variables_minimum_override_role"),
    ("RW307", place(access=access(allowlist=False)), "job_token_scope"),
    ("RW308", place(access=access(forwards=True)), "pypi_package_requests_forwarding"),
    ("RW309", place(WIDE, access=access(schedules=nightly("refs/heads/main"))), "3"),
    ("RW309", place(variable(protected=False, scope="*"), access=access(schedules=nightly("work"))), "3"),
    ("RW310", place(access=access(triggers=trigger(None))), "4"),
    (
        "RW311",
        place(variable(masked=False), access=access(settings=settings(visibility="internal"))),
        "public_jobs",
    ),
    ("RW312", place(access=access(branches=(branches("main", 30),))), "main"),
    ("RW313", place(variable(), access=access(branches=(branches("*"),))), "*"),
    ("RW314", on_the_day(access(access_tokens=token(date(2026, 12, 28)))), "5"),
    ("RW314", on_the_day(access(access_tokens=token(date(2026, 11, 28)))), "5"),
    ("RW314", on_the_day(access(deploy_tokens=token(None, "write_package_registry"))), "5"),
    ("RW315", place(access=access(schedules=keeping("REGION", "TWINE_PASSWORD"))), "3#TWINE_PASSWORD"),
    ("RW315", place(access=access(schedules=keeping("DEPLOY_TOKEN"))), "3#DEPLOY_TOKEN"),
    ("RW314", on_the_day(in_group(token(date(2026, 12, 1)), ())), "acme/access_tokens/5"),
    ("RW314", on_the_day(in_group((), token(None, "write_package_registry"))), "acme/deploy_tokens/5"),
    ("RW316", trusted(only=("tags",)), "jobs/publish"),
    ("RW316", trusted(gates=(CiRule(condition=TAGGED, when="manual"),), environment=None), "jobs/publish"),
    ("RW316", trusted(gates=(CiRule(condition=f"{TAGGED} =~ /^\\d/", when="on_success"),)), "jobs/publish"),
    ("RW316", trusted(only=("release/1",)), "jobs/publish"),
]


def blind() -> ProjectFacts:
    unread: Unread = LOCKED
    return place(
        variable(),
        ci=CiFacts(jobs=(job(id_tokens=OIDC),)),
        access=access(
            settings=unread,
            tags=unread,
            branches=unread,
            allowlist=unread,
            forwards=unread,
            schedules=unread,
            triggers=unread,
            access_tokens=unread,
            deploy_tokens=unread,
        ),
    )


@pytest.mark.parametrize(("rule", "facts"), PASS)
def test_what_is_in_order_is_passed_over(rule: str, facts: ProjectFacts) -> None:
    """No finding, neither failed nor unknown."""
    assert list(RULE[rule].judge(facts)) == []


@pytest.mark.parametrize(("rule", "facts", "resource"), FAIL)
def test_what_is_wrong_is_found(rule: str, facts: ProjectFacts, resource: str) -> None:
    """One finding about the right resource, with reason and remedy."""
    (found,) = RULE[rule].judge(facts)
    assert (found.rule, found.verdict) == (rule, Verdict.FAIL)
    assert found.resource.endswith((f"/{resource}", f"#{resource}"))
    assert found.reason
    assert found.remedy


@pytest.mark.parametrize("rule", RULE)
def test_what_cannot_be_seen_is_unknown(rule: str) -> None:
    """Never passed: unknown, with the role that would help."""
    found = list(RULE[rule].judge(blind()))
    assert found
    assert {one.verdict for one in found} == {Verdict.UNKNOWN}
    assert all("Maintainer" in one.remedy for one in found)


def test_a_groups_tokens_are_the_groups() -> None:
    """The finding is the group's, whichever project leads to it, and so is what may not be seen."""
    locked = Unread(what="access tokens of the group acme", remedy="Owner of the group may read them")
    found = list(RULE["RW314"].judge(on_the_day(in_group(locked, token(None)))))
    told = {one.resource: (one.project, one.verdict) for one in found}
    assert told == {
        "group/acme/access_tokens": ("acme", Verdict.UNKNOWN),
        "group/acme/deploy_tokens/5": ("acme", Verdict.FAIL),
    }


def test_variables_of_a_schedule_that_may_not_be_seen_are_unknown() -> None:
    """As they are to a Reporter, whom GitLab shows the schedule itself."""
    hidden = (replace(keeping()[0], keys=None),)
    (found,) = RULE["RW315"].judge(place(access=access(schedules=hidden)))
    assert (found.verdict, found.resource) == (Verdict.UNKNOWN, "project/7/pipeline_schedules/3")


def test_a_setting_that_gitlab_does_not_tell_is_unknown() -> None:
    """A Developer's token sees the project without its CI settings."""
    (found,) = RULE["RW306"].judge(place(access=access(settings=settings(None))))
    assert found.verdict is Verdict.UNKNOWN
    assert "Maintainer" in found.remedy


def test_every_rule_has_a_row_for_each_answer() -> None:
    """A rule without a table is no rule."""
    assert len(RULE) >= 10
    assert {row[0] for row in PASS} == set(RULE) == {row[0] for row in FAIL}
