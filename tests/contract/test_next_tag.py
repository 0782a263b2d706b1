"""`doctor PROJECT` against the truth: the tag is pushed, the pipeline runs, and what it said is what happened."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from bot.adapters.ci.service import parse_ci
from bot.adapters.gitlab.client import Api
from bot.adapters.gitlab.estate.sweep import GitLabEstate
from bot.adapters.meter import Meter
from bot.domain.estate import Wishes
from bot.domain.gitlab import Level
from bot.domain.secrets import Redactor, Secret
from bot.domain.verdicts import Verdict
from bot.hygiene.readiness import Question, readiness, ready
from bot.hygiene.targets import scope_of
from bot.sandbox.ci.model import COMPLETED
from tests.bounds import BIGGER_IN_FULL, FULL
from tests.contract.sandbox_org import Org, organisation
from tests.contract.tag_combinations import ORDERS, TAG, combinations
from tests.contract.tag_scripts import CERTAIN, OPEN


def truth(org: Org, made: Sequence[tuple[object, int]]) -> dict[int, bool]:
    """Push every tag, let every pipeline end; whether every job that is no first one succeeded, by project."""
    runner = org.gitlab.pipelines
    for _, number in made:
        org.world.create_tag(org.world.projects[number], TAG, "main", org.people["owner"])

    def over() -> bool:
        found = [one for _, number in made for one in runner.pipelines(number)]
        return all(one.status in (*COMPLETED, "manual") for one in found)

    assert org.gitlab.wait_until(over, 600)
    published = {}
    for _, number in made:
        jobs = [job.status for job in runner.project_jobs(number) if job.name not in ("first", "second")]
        published[number] = bool(jobs) and set(jobs) == {"success"}
    return published


def told(org: Org, group: str) -> dict[int, tuple[bool, bool, str]]:
    """By project: whether doctor says ready, whether it says broken, and its reasons."""
    secret = Secret(org.tokens["admin"])
    meter = Meter()
    api = Api(url=org.url, token=secret, redactor=Redactor([secret]), meter=meter)
    wishes = Wishes(ci=lambda _: True, merged=lambda _: True, access=lambda _: True)
    answers = {}
    for facts in GitLabEstate(api, meter.count, parse_ci).sweep(scope_of([group], membership=False), wishes):
        if facts.level is not Level.PROJECT:
            continue
        checks = readiness(facts, Question(tag=TAG, rule=None, gitlab="gitlab.example"))
        broken = any(check.verdict is Verdict.FAIL for check in checks)
        reasons = "; ".join(f"{check.name} {check.verdict.value}: {check.reason}" for check in checks)
        answers[facts.project_id] = (ready(checks), broken, reasons)
    return answers


@pytest.mark.slow
@pytest.mark.parametrize("count", [pytest.param(312 if FULL else 120, marks=BIGGER_IN_FULL)])
def test_what_doctor_says_of_the_next_tag_is_what_happens(count: int) -> None:
    """Never ready where the upload fails, never broken where it works; and it does not hide behind "unknown"."""
    with organisation() as org:
        made = [(one, one.build(org.world, "tags").id) for one in combinations(count, int(os.environ.get("SEED", "1")))]
        org.world.add_member(org.world.groups["tags"], org.people["owner"], 50)
        said, happened = told(org, "tags"), truth(org, made)
        false_ready = [(one, said[p]) for one, p in made if said[p][0] and not happened[p]]
        false_broken = [(one, said[p]) for one, p in made if said[p][1] and happened[p]]
        unsure = [(one, said[p]) for one, p in made if not said[p][0] and not said[p][1]]
    assert not false_ready
    assert not false_broken
    # A token of the group's in place of the project's own: whether it would do, only its value says.
    assert {one.level for one, _ in unsure} <= {"shadow"}, unsure[:3]
    assert len(unsure) <= count // 10
    assert {happened[p] for one, p in made[: len(ORDERS)]} == {True, False}, "no order decides anything"
    assert 0.1 < sum(happened.values()) / count < 0.9, "the combinations show too little"


@pytest.mark.slow
def test_what_a_script_decides_is_told_or_left_open(tmp_path: Path) -> None:
    """Conditions, functions, shells of their own, files with passwords: never wrong, and open only where it must be."""
    with organisation() as org:
        cases = {**CERTAIN, **OPEN}
        made = [
            (name, one.build(org.world, f"tags/p{at}", tmp_path).id) for at, (name, one) in enumerate(cases.items())
        ]
        org.world.add_member(org.world.groups["tags"], org.people["owner"], 50)
        said, succeeded = told(org, "tags"), truth(org, made)
    happened = {name: succeeded[p] and (tmp_path / str(p)).is_file() for name, p in made}
    answers = {name: said[p] for name, p in made}
    assert {name: answers[name] for name in cases if answers[name][0] and not happened[name]} == {}, "false ready"
    assert {name: answers[name] for name in cases if answers[name][1] and happened[name]} == {}, "false broken"
    unsure = {name for name in cases if not answers[name][0] and not answers[name][1]}
    assert unsure == set(OPEN)
    assert {happened[name] for name in CERTAIN} == {happened[name] for name in OPEN} == {True, False}
