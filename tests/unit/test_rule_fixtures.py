"""Every rule of the catalogue has fixtures for pass, fail and unknown: a rule without them is no rule."""

from __future__ import annotations

import pytest

from bot.domain.verdicts import Verdict
from bot.hygiene.catalogue import RULES, Rule
from tests.unit import ci_rule_cases, test_rules_access, test_rules_settings
from tests.unit.ci_texts import judged, project

SETTINGS = {name: {str(row[0]) for row in getattr(test_rules_settings, name)} for name in ("PASS", "FAIL", "UNKNOWN")}
ACCESS = {name: {str(row[0]) for row in getattr(test_rules_access, name)} for name in ("PASS", "FAIL")}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.info.id)
def test_a_rule_has_a_fixture_for_each_answer(rule: Rule) -> None:
    """Whatever file the tables of its hundred are in; what is unknown of CI files and access is one table for all."""
    id_ = rule.info.id
    if id_.startswith("RW1"):
        assert all(id_ in ids for ids in SETTINGS.values())
    elif id_.startswith("RW2"):
        assert ci_rule_cases.PASS[id_]
        assert ci_rule_cases.FAIL[id_]
        hidden = [found for text in ci_rule_cases.HIDDEN for found in judged(id_, project(text))]
        assert id_ == "RW224" or {found.verdict for found in hidden} == {Verdict.UNKNOWN}
    else:
        assert all(id_ in ids for ids in ACCESS.values())
        assert {found.verdict for found in rule.judge(test_rules_access.blind())} == {Verdict.UNKNOWN}


def test_there_are_at_least_thirty_with_stable_ids() -> None:
    """Sorted, none twice, each in its hundred."""
    ids = [rule.info.id for rule in RULES]
    assert len(ids) >= 30
    assert ids == sorted(set(ids))
    assert {id_[:3] for id_ in ids} == {"RW1", "RW2", "RW3"}
