"""Which source a release is made from: what it was begun with, before what policy says now."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain.policy import HygienePolicy, IndexKind, IndexSpec, Policy, ReleaseRule, Source
from bot.engine.wanting import Wanting
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
