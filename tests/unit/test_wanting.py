"""Which source a release is made from: what it was begun with, before what policy says now."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain.layers import PolicyLayers, PolicyText, ProjectFiles
from bot.domain.policy import HygienePolicy, IndexKind, IndexSpec, Policy, ReleaseRule, Source
from bot.domain.refs import Project
from bot.domain.releases import ReleaseState
from bot.domain.verdicts import Consequence, GateResult, Verdict
from bot.engine.layering import Layering
from bot.engine.wanting import Wanting
from bot.ports.policy_files import Age
from tests.contract.turn_bench import planned
from tests.unit.release_facts import PROJECT


def wanting(source: Source, *, begun: bool = False) -> Wanting:
    """A policy of one rule with that source."""
    rule = ReleaseRule(projects=("acme/**",), tags=("v*",), source=source, indexes=("registry",))
    spec = IndexSpec(name="registry", kind=IndexKind.GITLAB)
    return Wanting(
        policy=Policy(releases=(rule,), indexes=(spec,), hygiene=HygienePolicy()),
        path=Path("ropewalk.yaml"),
        gitlab="gitlab.example.com",
        project=lambda _: PROJECT,
        published_before=lambda _: None,
        begun=lambda _: begun,
        accepted=lambda _: (),
        tags=frozenset,
    )


@pytest.mark.parametrize(
    ("recorded", "policy", "begun", "source"),
    [
        (Source.AUTO, Source.AUTO, False, Source.AUTO),
        (Source.PIPELINE, Source.AUTO, False, Source.PIPELINE),  # decided at an earlier turn
        (Source.ARTIFACTS, Source.AUTO, True, Source.ARTIFACTS),
        (Source.ARTIFACTS, Source.PIPELINE, False, Source.PIPELINE),  # policy was changed, nothing was tried
        (Source.ARTIFACTS, Source.PIPELINE, True, Source.ARTIFACTS),
        (Source.PIPELINE, Source.ARTIFACTS, True, Source.PIPELINE),
        (Source.AUTO, Source.PIPELINE, False, Source.PIPELINE),
    ],
)
def test_a_release_keeps_the_source_it_was_begun_with(
    recorded: Source, policy: Source, begun: bool, source: Source
) -> None:
    release = replace(planned(), source=recorded)
    assert wanting(policy, begun=begun).wanted(release).source is source


class Files:
    """Projects' own files: none, and how old an answer might have been."""

    def __init__(self) -> None:
        self.ages: list[Age] = []

    def of(self, project: Project, age: Age) -> PolicyText:
        self.ages.append(age)
        return PolicyText()


WAITS = GateResult(name="pipeline_green", verdict=Verdict.FAIL, reason="it runs", consequence=Consequence.WAIT)


@pytest.mark.parametrize(
    ("state", "gates", "woken", "sparing", "age"),
    [
        (ReleaseState.PLANNED, (), False, True, Age.NEW),
        (ReleaseState.BLOCKED, (), False, False, Age.NEW),
        (ReleaseState.PUBLISHING, (), False, True, Age.RECENT),
        (ReleaseState.WAITING, (WAITS,), False, False, Age.RECENT),
        (ReleaseState.WAITING, (WAITS,), True, True, Age.RECENT),  # there is news
        (ReleaseState.WAITING, (), False, True, Age.RECENT),
        (ReleaseState.WAITING, (WAITS,), False, True, Age.ANY),
    ],
)
def test_a_projects_own_file_is_asked_for_anew_save_while_a_release_waits_on(
    state: ReleaseState, gates: tuple[GateResult, ...], woken: bool, sparing: bool, age: Age
) -> None:
    files, plain = Files(), wanting(Source.ARTIFACTS)
    release = replace(planned(), state=state, gates=gates, woken=woken)
    policy = replace(plain.policy, layers=PolicyLayers(files=ProjectFiles.WARN))
    found = replace(plain, policy=policy, layering=Layering(policy, files)).wanted(release, sparing=sparing)
    assert (files.ages, found.spared) == ([age], age is Age.ANY)
