"""The gate about credentials: what a variable's name and flags mean for the release."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.ci_plan import PlannedJob, PlannedPipeline, Start
from bot.domain.gitlab import Level, UnreadableLevel, VariableFlags, Variables
from bot.domain.policy import HygienePolicy, PipelinePolicy
from bot.domain.verdicts import Consequence, GateResult, Severity, Verdict
from bot.release.facts import Look, LookKind, Seen, Unreadable
from bot.release.gates import hygiene
from tests.unit.release_facts import good_facts, variable, wanted

GROUPS = "variables of its groups (needs Maintainer)"
HIDDEN = {
    Level.PROJECT: UnreadableLevel(Level.PROJECT, "variables of the project (needs Maintainer)"),
    Level.GROUP: UnreadableLevel(Level.GROUP, GROUPS),
    Level.INSTANCE: UnreadableLevel(Level.INSTANCE, "variables of the instance (needs an admin's token)"),
}


def judge(
    *flags: VariableFlags,
    block_at: Severity | None = Severity.HIGH,
    block_unknown: bool = False,
    unreadable: tuple[Level, ...] = (),
    named: tuple[str, ...] = (),
    planned: PlannedPipeline | Unreadable | None = None,
) -> GateResult:
    policy = HygienePolicy(block_at=block_at, block_unknown=block_unknown, variables=frozenset(named))
    seen = Seen(Variables(flags=flags, unreadable=tuple(HIDDEN[level] for level in unreadable)))
    read = planned if isinstance(planned, Unreadable) else Seen(planned)
    said = hygiene.judge(wanted(hygiene=policy), replace(good_facts(), variables=seen, planned=read))
    assert isinstance(said, GateResult)
    return said


def test_nothing_is_said_before_the_variables_were_looked_at() -> None:
    assert hygiene.judge(wanted(), replace(good_facts(), variables=None)) == Look(LookKind.VARIABLES)


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        ((), "no publishing variable in sight"),
        ((variable("DEPLOY_TOKEN", masked=False),), "no publishing variable in sight"),
        ((variable("TWINE_REPOSITORY_URL", masked=False),), "no publishing variable in sight"),
        ((variable("TWINE_PASSWORD"), variable("PYPI_TOKEN")), "PYPI_TOKEN, TWINE_PASSWORD: masked and protected"),
        (
            (variable("TWINE_TOKEN"),),
            "TWINE_TOKEN (twine itself never reads TWINE_TOKEN: a job that uploads must set TWINE_PASSWORD): "
            "masked and protected",
        ),
        (
            (variable("TWINE_USERNAME", masked=False),),
            "TWINE_USERNAME: below the blocking severity: TWINE_USERNAME is not masked",
        ),
    ],
)
def test_flags_that_are_as_they_should_be_pass(flags: tuple[VariableFlags, ...], reason: str) -> None:
    said = judge(*flags)
    assert (said.verdict, said.consequence, said.reason) == (Verdict.PASS, Consequence.NONE, reason)


def test_what_policy_names_is_a_credential_too() -> None:
    weak = variable("ARTIFACTORY_UPLOAD", masked=False)
    assert judge(weak).verdict is Verdict.PASS
    said = judge(weak, named=("ARTIFACTORY_UPLOAD",))
    assert (said.verdict, said.consequence) == (Verdict.FAIL, Consequence.BLOCK)
    assert "ARTIFACTORY_UPLOAD of project acme/tools/widget is not masked" in said.reason


def jobs(*uses: str, publishes: str = "twine", whole: bool = True) -> PlannedPipeline:
    job = PlannedJob(name="publish", start=Start.ITSELF, uploads_with=publishes, uses=frozenset(uses))
    return PlannedPipeline(jobs=(job,), whole=whole)


def test_what_the_publishing_job_reads_is_a_credential_too() -> None:
    """By whatever name: `TWINE_PASSWORD=$DEPLOY_TOKEN twine upload`."""
    weak = variable("DEPLOY_TOKEN", protected=False)
    said = judge(weak, planned=jobs("DEPLOY_TOKEN"))
    assert (said.verdict, said.consequence) == (Verdict.FAIL, Consequence.BLOCK)
    assert "DEPLOY_TOKEN of project acme/tools/widget, which a job that publishes reads, is not prot" in said.reason
    assert judge(weak, planned=jobs("OTHER_TOKEN")).verdict is Verdict.PASS
    assert judge(weak, planned=jobs("DEPLOY_TOKEN", publishes="")).verdict is Verdict.PASS
    assert judge(variable("DEPLOY_TOKEN"), planned=jobs("DEPLOY_TOKEN")).verdict is Verdict.PASS
    assert judge(variable("DEPLOY_URL", masked=False), planned=jobs("DEPLOY_URL")).verdict is Verdict.PASS


def test_the_job_that_policy_names_publishes_whatever_its_script_says() -> None:
    rule = replace(wanted().rule, pipeline=PipelinePolicy(job="pub*"))
    seen = Seen(Variables(flags=(variable("DEPLOY_TOKEN", masked=False),)))
    facts = replace(good_facts(), variables=seen, planned=Seen(jobs("DEPLOY_TOKEN", publishes="")))
    said = hygiene.judge(replace(wanted(), rule=rule), facts)
    assert isinstance(said, GateResult)
    assert said.verdict is Verdict.FAIL


def test_the_ci_file_is_asked_for_only_where_a_weak_credential_makes_it_matter() -> None:
    facts = replace(good_facts(), planned=None)
    for flags, look in (
        ((variable("TWINE_PASSWORD"), variable("DEPLOY_TOKEN"), variable("COLOUR", masked=False)), None),
        ((variable("TWINE_PASSWORD", masked=False),), None),
        ((variable("DEPLOY_TOKEN", masked=False),), LookKind.CI_FILE),
    ):
        said = hygiene.judge(wanted(), replace(facts, variables=Seen(Variables(flags=flags))))
        assert (said.kind if isinstance(said, Look) else None) is look
    weak = Seen(Variables(flags=(variable("DEPLOY_TOKEN", masked=False),)))
    assert hygiene.judge(wanted(), replace(facts, variables=weak, pipeline=None)) == Look(LookKind.PIPELINE)
    never = wanted(hygiene=HygienePolicy(block_at=None))
    assert isinstance(hygiene.judge(never, replace(facts, variables=weak)), GateResult)


@pytest.mark.parametrize(
    ("planned", "block_unknown", "blocks"),
    [
        (Unreadable("it is larger than 1 MiB"), False, True),
        (jobs("OTHER", whole=False), False, False),
        (jobs("OTHER", whole=False), True, True),
    ],
)
@pytest.mark.parametrize("blind", [False, True])
def test_a_ci_file_that_does_not_tell_is_unknown(
    planned: PlannedPipeline | Unreadable, block_unknown: bool, blocks: bool, blind: bool
) -> None:
    said = judge(
        variable("DEPLOY_TOKEN", masked=False),
        planned=planned,
        block_unknown=block_unknown,
        unreadable=(Level.PROJECT,) if blind else (),
    )
    assert said.verdict is Verdict.UNKNOWN
    assert "cannot tell whether a job that publishes reads DEPLOY_TOKEN: " in said.reason
    assert (said.consequence is Consequence.BLOCK) is (blocks or blind)


def test_gate_and_audit_call_the_same_names_credentials() -> None:
    for key in ("TEST_PYPI_TOKEN", "pypiToken", "CI_TWINE_PASSWORD"):
        assert judge(variable(key, masked=False)).verdict is Verdict.FAIL
    for key in ("PYPI_TOKEN_URL", "INTERTWINED_TOKEN", "TWINE_CERT"):
        assert judge(variable(key, masked=False)).verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("masked", "protected", "weakness"),
    [
        (False, True, "not masked"),
        (True, False, "not protected"),
        (False, False, "not masked and not protected"),
    ],
)
@pytest.mark.parametrize(
    "key", ["TWINE_PASSWORD", "PYPI_TOKEN", "PYPI_API_TOKEN", "TWINE_API_KEY", "PYPI_APIKEY", "twine_password"]
)
def test_a_weak_password_or_token_blocks_with_its_remedy(
    key: str, masked: bool, protected: bool, weakness: str
) -> None:
    said = judge(variable(key, masked=masked, protected=protected))
    assert replace(said, discreet="") == GateResult(
        name="hygiene",
        verdict=Verdict.FAIL,
        reason=f"{key} of project acme/tools/widget is {weakness}: set its flags under Settings > CI/CD > Variables, "
        "rotate the value since job logs may hold it, then resume",
        consequence=Consequence.BLOCK,
    )


MEND = "set the flags under Settings > CI/CD > Variables, rotate what job logs may hold, then resume"
DISCREET: list[tuple[tuple[VariableFlags, ...], PlannedPipeline | Unreadable | None, tuple[Level, ...], str]] = [
    ((), None, (), "no publishing variable in sight"),
    ((variable(), variable("PYPI_TOKEN")), None, (), "2 publishing variables, masked and protected"),
    ((variable("TWINE_TOKEN"),), None, (), "1 publishing variable, masked and protected"),
    ((variable(masked=False),), None, (), f"1 publishing variable is not masked (RW101): {MEND}"),
    ((variable(protected=False, scope="secret"),), None, (), f"1 publishing variable is not protected (RW102): {MEND}"),
    (
        (variable(masked=False), variable("PYPI_TOKEN", protected=False)),
        None,
        (),
        f"2 publishing variables are not masked or not protected (RW101 and RW102): {MEND}",
    ),
    (
        (variable("TWINE_USERNAME", masked=False), variable()),
        None,
        (),
        "2 publishing variables; below the blocking severity 1 publishing variable is not masked (RW101)",
    ),
    (
        (variable("DEPLOY_TOKEN", masked=False),),
        jobs("OTHER", whole=False),
        (),
        "no publishing variable in sight; cannot tell whether a job that publishes reads 1 of the variables: the CI "
        "file includes what this token may not read",
    ),
    (
        (variable(),),
        None,
        (Level.GROUP,),
        f"1 publishing variable, masked and protected; not readable with this token: {GROUPS}",
    ),
]


@pytest.mark.parametrize(("flags", "planned", "unreadable", "told"), DISCREET)
def test_for_everybody_variables_are_counted_and_not_named(
    flags: tuple[VariableFlags, ...],
    planned: PlannedPipeline | Unreadable | None,
    unreadable: tuple[Level, ...],
    told: str,
) -> None:
    """A note on a merge request is read by whoever sees that, on a public project by the world."""
    said = judge(*flags, planned=planned, unreadable=unreadable)
    assert said.discreet == told
    assert not any(one.key in said.for_all for one in flags)


def test_every_weak_variable_is_named_with_its_scope_and_good_ones_are_not() -> None:
    said = judge(
        variable("TWINE_PASSWORD", masked=False, scope="production"), variable("PYPI_TOKEN"),
        variable("PYPI_SECRET", protected=False),
    )  # fmt: skip
    assert "TWINE_PASSWORD (scope production) of project" in said.reason
    assert "; PYPI_SECRET of project" in said.reason
    assert "PYPI_TOKEN" not in said.reason


@pytest.mark.parametrize(
    ("block_at", "password_blocks", "username_blocks"),
    [
        (Severity.HIGH, True, False),
        (Severity.MEDIUM, True, False),
        (Severity.LOW, True, True),
        (Severity.INFO, True, True),
        (None, False, False),
    ],
)
def test_policy_sets_the_severity_that_blocks(
    block_at: Severity | None, password_blocks: bool, username_blocks: bool
) -> None:
    for key, blocks in (("TWINE_PASSWORD", password_blocks), ("TWINE_USERNAME", username_blocks)):
        said = judge(variable(key, masked=False), block_at=block_at)
        assert (said.consequence is Consequence.BLOCK) is blocks
        assert said.verdict is (Verdict.FAIL if blocks else Verdict.PASS)


def test_a_level_that_cannot_be_read_is_unknown_and_by_default_a_warning() -> None:
    said = judge(variable(), unreadable=(Level.GROUP,))
    assert replace(said, discreet="") == GateResult(
        name="hygiene",
        verdict=Verdict.UNKNOWN,
        reason=f"TWINE_PASSWORD: masked and protected; not readable with this token: {GROUPS}",
    )


def test_a_level_that_cannot_be_read_blocks_where_policy_says_so() -> None:
    said = judge(variable(), unreadable=(Level.GROUP,), block_unknown=True)
    assert replace(said, discreet="") == GateResult(
        name="hygiene",
        verdict=Verdict.UNKNOWN,
        reason=f"TWINE_PASSWORD: masked and protected; not readable with this token: {GROUPS}; give the token a role "
        "that reads them, or set hygiene.unknown: warn",
        consequence=Consequence.BLOCK,
    )


@pytest.mark.parametrize("block_unknown", [False, True])
@pytest.mark.parametrize("block_at", [Severity.HIGH, None])
@pytest.mark.parametrize("others", [(), (Level.GROUP, Level.INSTANCE)])
def test_a_role_that_cannot_read_the_projects_own_variables_blocks_whatever_policy_says(
    block_unknown: bool, block_at: Severity | None, others: tuple[Level, ...]
) -> None:
    said = judge(unreadable=(Level.PROJECT, *others), block_unknown=block_unknown, block_at=block_at)
    assert (said.verdict, said.consequence) == (Verdict.UNKNOWN, Consequence.BLOCK)
    assert "variables of the project (needs Maintainer)" in said.reason
    assert said.reason.endswith("; make the bot's user a Maintainer of the project, then resume")


def test_what_was_found_weak_counts_more_than_what_could_not_be_read() -> None:
    assert judge(variable(masked=False), unreadable=(Level.GROUP,)).verdict is Verdict.FAIL


@pytest.mark.parametrize("block_unknown", [False, True])
def test_variables_that_cannot_be_read_at_all_always_block(block_unknown: bool) -> None:
    facts = replace(good_facts(), variables=Unreadable("403 for the query"))
    said = hygiene.judge(wanted(hygiene=HygienePolicy(block_unknown=block_unknown)), facts)
    assert isinstance(said, GateResult)
    assert said.for_all == said.reason
    assert replace(said, discreet="") == GateResult(
        name="hygiene",
        verdict=Verdict.UNKNOWN,
        reason="variables cannot be read: 403 for the query",
        consequence=Consequence.BLOCK,
    )
