"""All rules, in order, and which facts each needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from bot.domain.ci import CiFacts
from bot.domain.estate import ProjectFacts, Wishes
from bot.domain.findings import Finding, RuleInfo
from bot.hygiene.publishing import may_publish, says_publishing
from bot.hygiene.rules import (
    rw101_not_masked,
    rw102_not_protected,
    rw103_not_hidden,
    rw104_scope_all,
    rw105_shadowed,
    rw106_file_unmaskable,
    rw107_expanded,
    rw108_secret_name_unmasked,
    rw109_twine_token,
    rw110_token_beside_oidc,
    rw111_user_name,
    rw112_half_a_credential,
    rw113_shared_widely,
    rw114_unscoped_copy,
    rw115_debug_trace,
    rw116_extra_index,
    rw117_scope_without_job,
    rw201_hardcoded_credential,
    rw202_credential_on_command_line,
    rw203_credential_printed,
    rw204_publish_from_any_branch,
    rw205_publish_from_merge_request,
    rw206_no_twine_check,
    rw207_setup_py_builds,
    rw208_only_except,
    rw209_unpinned_tool,
    rw210_unpinned_image,
    rw211_python_end_of_life,
    rw212_variable_set_to_itself,
    rw213_twine_token_not_handed_over,
    rw214_id_token_elsewhere,
    rw215_upload_over_http,
    rw216_skip_existing,
    rw217_credential_in_artifact,
    rw218_runs_downloads,
    rw219_no_environment,
    rw220_may_fail_unseen,
    rw221_failure_swallowed,
    rw222_credential_handed_downstream,
    rw223_tls_not_verified,
    rw224_include_not_fixed,
    rw301_release_tags_unprotected,
    rw302_developers_tag,
    rw303_force_push,
    rw304_default_branch,
    rw305_empty_token,
    rw306_pipeline_variables,
    rw307_job_token,
    rw308_forwarding,
    rw309_schedules,
    rw310_triggers,
    rw311_public_logs,
    rw312_developers_push,
    rw313_everything_protected,
    rw314_token_expiry,
    rw315_schedule_variables,
    rw316_trusted_from_any_ref,
)

Judging = Callable[[ProjectFacts], Iterable[Finding]]


class Needs(IntEnum):
    """What a rule looks at beyond variables; each includes those before it."""

    VARIABLES = 0
    CI_OF_PUBLISHERS = 1  # the CI file of projects that have publishing variables
    CI = 2
    ACCESS = 3


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of the catalogue."""

    info: RuleInfo
    judge: Judging
    needs: Needs


def _rule(module: object, needs: Needs = Needs.VARIABLES) -> Rule:
    return Rule(module.INFO, module.judge, needs)  # type: ignore[attr-defined]  # every rule module has both


RULES: tuple[Rule, ...] = (
    _rule(rw101_not_masked),
    _rule(rw102_not_protected),
    _rule(rw103_not_hidden),
    _rule(rw104_scope_all),
    _rule(rw105_shadowed),
    _rule(rw106_file_unmaskable),
    _rule(rw107_expanded),
    _rule(rw108_secret_name_unmasked),
    _rule(rw109_twine_token, Needs.CI_OF_PUBLISHERS),
    _rule(rw110_token_beside_oidc, Needs.CI_OF_PUBLISHERS),
    _rule(rw111_user_name, Needs.CI_OF_PUBLISHERS),
    _rule(rw112_half_a_credential),
    _rule(rw113_shared_widely),
    _rule(rw114_unscoped_copy),
    _rule(rw115_debug_trace),
    _rule(rw116_extra_index),
    _rule(rw117_scope_without_job, Needs.CI_OF_PUBLISHERS),
    _rule(rw201_hardcoded_credential, Needs.CI),
    _rule(rw202_credential_on_command_line, Needs.CI),
    _rule(rw203_credential_printed, Needs.CI),
    _rule(rw204_publish_from_any_branch, Needs.CI),
    _rule(rw205_publish_from_merge_request, Needs.CI),
    _rule(rw206_no_twine_check, Needs.CI),
    _rule(rw207_setup_py_builds, Needs.CI),
    _rule(rw208_only_except, Needs.CI),
    _rule(rw209_unpinned_tool, Needs.CI),
    _rule(rw210_unpinned_image, Needs.CI),
    _rule(rw211_python_end_of_life, Needs.CI),
    _rule(rw212_variable_set_to_itself, Needs.CI),
    _rule(rw213_twine_token_not_handed_over, Needs.CI),
    _rule(rw214_id_token_elsewhere, Needs.CI),
    _rule(rw215_upload_over_http, Needs.CI),
    _rule(rw216_skip_existing, Needs.CI),
    _rule(rw217_credential_in_artifact, Needs.CI),
    _rule(rw218_runs_downloads, Needs.CI),
    _rule(rw219_no_environment, Needs.CI),
    _rule(rw220_may_fail_unseen, Needs.CI),
    _rule(rw221_failure_swallowed, Needs.CI),
    _rule(rw222_credential_handed_downstream, Needs.CI),
    _rule(rw223_tls_not_verified, Needs.CI),
    _rule(rw224_include_not_fixed, Needs.CI),
    _rule(rw301_release_tags_unprotected, Needs.ACCESS),
    _rule(rw302_developers_tag, Needs.ACCESS),
    _rule(rw303_force_push, Needs.ACCESS),
    _rule(rw304_default_branch, Needs.ACCESS),
    _rule(rw305_empty_token, Needs.ACCESS),
    _rule(rw306_pipeline_variables, Needs.ACCESS),
    _rule(rw307_job_token, Needs.ACCESS),
    _rule(rw308_forwarding, Needs.ACCESS),
    _rule(rw309_schedules, Needs.ACCESS),
    _rule(rw310_triggers, Needs.ACCESS),
    _rule(rw311_public_logs, Needs.ACCESS),
    _rule(rw312_developers_push, Needs.ACCESS),
    _rule(rw313_everything_protected, Needs.ACCESS),
    _rule(rw314_token_expiry, Needs.ACCESS),
    _rule(rw315_schedule_variables, Needs.ACCESS),
    _rule(rw316_trusted_from_any_ref, Needs.ACCESS),
)
"""Every rule, by id."""


class UnknownRuleError(ValueError):
    """No rule has this id or prefix."""


def named(names: Sequence[str], rules: Sequence[Rule] = RULES) -> tuple[Rule, ...]:
    """The rules whose id is one of the names or begins with it (`RW1`). Raises: UnknownRuleError."""
    for name in names:
        if not name or not any(rule.info.id.startswith(name.upper()) for rule in rules):
            raise UnknownRuleError(name)
    return tuple(rule for rule in rules if any(rule.info.id.startswith(name.upper()) for name in names))


def selected(only: Sequence[str], skip: Sequence[str], rules: Sequence[Rule] = RULES) -> tuple[Rule, ...]:
    """All rules, or `only` some, without those to `skip`. Raises: UnknownRuleError."""
    left_out = {rule.info.id for rule in named(skip, rules)}
    return tuple(rule for rule in (named(only, rules) if only else rules) if rule.info.id not in left_out)


def wishes(rules: Sequence[Rule]) -> Wishes:
    """Which facts a sweep must gather for these rules."""
    needs = max((rule.needs for rule in rules), default=Needs.VARIABLES)
    every_ci = any(rule.needs is Needs.CI for rule in rules) or needs is Needs.ACCESS

    def ci(facts: ProjectFacts) -> bool:
        return every_ci or (
            needs is Needs.CI_OF_PUBLISHERS
            and any(says_publishing(facts, flags.key) for flags in facts.variables.flags)
        )

    def merged(facts: ProjectFacts) -> bool:
        return isinstance(facts.ci, CiFacts) and not facts.ci.whole and may_publish(facts)

    return Wishes(
        ci=ci,
        merged=merged,
        access=lambda facts: needs is Needs.ACCESS and may_publish(facts),
        files=needs is not Needs.VARIABLES,
    )
