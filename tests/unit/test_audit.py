"""The audit: what it reports, in which order, and what is left when it is ended early."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.domain.errors import TransientError
from bot.domain.estate import ProjectFacts, Scope
from bot.domain.gitlab import Level
from bot.hygiene.audit import Audited, Order, audit
from bot.hygiene.catalogue import RULES, UnknownRuleError, selected, wishes
from tests.fakes import Clock, FakeEstate
from tests.unit.hygiene_facts import BROKEN, LOCKED, access, ci, job, place, variable

NOW = datetime(2027, 1, 1, tzinfo=UTC)
LOST = TransientError(what="no answer in time", where="gitlab.example")


def project(number: int, *flags: object, **more: object) -> ProjectFacts:
    return replace(place(*flags, **more), project_id=number, full_path=f"acme/p{number}")  # type: ignore[arg-type]  # passed on


def run(estate: FakeEstate, *only: str) -> Audited:
    order = Order(scope=Scope(groups=("acme",)), rules=selected(only, ()))
    return audit(estate, order, Clock(NOW), lambda done, total: None)


LOOSE = variable(masked=False, hidden=None, group="acme")
PLACES = (
    place(LOOSE, level=Level.GROUP),
    replace(place(variable("TWINE_USERNAME", masked=False, hidden=None)), project_id=2, full_path="acme/tools/widget"),
    project(1, unread=LOCKED),
)


def test_findings_come_by_gravity_then_place() -> None:
    """High before low, unknown apart; projects are counted, groups are not."""
    report = run(FakeEstate(PLACES), "RW101").report
    assert [(one.severity.word, one.project) for one in report.findings] == [
        ("high", "acme"),
        ("low", "acme/tools/widget"),
    ]
    assert [one.project for one in report.unknown] == ["acme/p1"]
    assert (report.projects, report.complete, report.requests, report.at.year) == (2, True, 1, 2027)
    assert report.seconds > 0


@pytest.mark.parametrize("ending", [KeyboardInterrupt(), LOST])
def test_what_was_found_before_the_end_is_reported(ending: BaseException) -> None:
    """Ctrl-C or a GitLab that went away: the report says that it is not complete."""
    audited = run(FakeEstate(PLACES, breaks=(2, ending)), "RW101")
    assert not audited.report.complete
    assert (audited.report.projects, len(audited.report.findings)) == (1, 2)
    assert audited.interrupted is isinstance(ending, KeyboardInterrupt)
    assert (audited.error is LOST) is (ending is LOST)


def test_nothing_seen_is_an_error_and_no_clean_report() -> None:
    """An audit that could not look at anything must not look like one that found nothing."""
    with pytest.raises(TransientError):
        run(FakeEstate(PLACES, breaks=(1, LOST)), "RW101")


def test_a_groups_finding_counts_once() -> None:
    """However many of its projects lead to it."""
    forwarding = [project(n, access=None) for n in (1, 2)]
    shared = FakeEstate([PLACES[0], PLACES[0], *forwarding])
    assert len(run(shared, "RW101").report.findings) == 1


def test_rules_are_chosen_by_id_and_by_beginning() -> None:
    """`skip` has the last word; a name of no rule is refused."""
    ids = {rule.info.id for rule in selected(("rw1", "RW305"), ("RW104",))}
    assert ids == {rule.info.id for rule in RULES if rule.info.id.startswith("RW1")} - {"RW104"} | {"RW305"}
    assert selected((), ()) == RULES
    for wrong in ("RW9", "", "W1"):
        with pytest.raises(UnknownRuleError):
            selected((wrong,), ())


def test_only_what_rules_need_is_gathered() -> None:
    """Plain settings need nothing more; CI files of publishers for some; who may do what only where publishing is."""
    publisher, other = place(variable(group="acme")), place(variable("REGION"))
    flags_only, settings, access = wishes(selected(("RW101",), ())), wishes(selected(("RW1",), ())), wishes(RULES)
    assert not flags_only.ci(publisher)
    assert settings.ci(publisher)
    assert not settings.ci(other)
    assert access.ci(other)
    assert not access.access(other)
    assert not settings.access(place(variable()))
    assert access.access(place(variable()))
    assert access.access(place(ci=ci(job())))
    assert not access.access(place(ci=ci(job(publishes=False)), unread=LOCKED))
    assert not access.merged(place(variable(), ci=BROKEN))


def test_rules_are_in_order_and_say_what_they_mean() -> None:
    """Ids are unique and stable, every text is there, and a high one is about a secret or a release."""
    ids = [rule.info.id for rule in RULES]
    assert ids == sorted(set(ids))
    assert len(ids) >= 30
    for rule in RULES:
        assert rule.info.threat.endswith(".")
        assert rule.info.remedy.endswith(".")
        assert rule.judge.__doc__
        assert not rule.info.title.endswith(".")


def test_thousands_of_variables_are_judged_in_no_time() -> None:
    """As many as GitLab allows in a project, and as many above it: names, scopes and levels in every rule's way."""
    scopes = [variable(scope=f"e{number}", masked=number % 2 == 0) for number in range(2_000)]
    users = [variable("TWINE_USERNAME", scope=f"u{number}") for number in range(2_000)]
    names = [variable(f"PYPI_TOKEN_{number}", masked=False) for number in range(4_000)]
    above = [variable(one.key, scope=one.environment_scope, group="acme") for one in (*scopes, *names)]
    facts = place(*scopes, *users, *names, *above, access=access(), ci=ci(job()))
    began = time.process_time()
    found = [finding for rule in RULES for finding in rule.judge(facts)]
    assert time.process_time() - began < 10  # seconds of the processor; squares of such numbers take minutes
    assert len(found) > 5_000
