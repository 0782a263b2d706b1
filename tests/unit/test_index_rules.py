"""PyPI's refusals come with what they mean; nothing else about them changes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.adapters.index.rules import explained
from bot.domain.policy import IndexKind
from bot.domain.releases import AttemptOutcome
from bot.ports.index import Sent

SAID = [
    (
        "400 This filename has already been used, use a different version. See https://p.example/help/ for more.",
        "twice",
    ),
    ("400 File already exists ('w-1.0.tar.gz', with blake2_256 hash 'ab'). See https://p.example/help/", "Other bytes"),
    ("400 Uploading new files to releases older than 14 days is not allowed.", "closes a version"),
    ("400 Only one sdist may be uploaded per release.", "one sdist"),
    ("400 Invalid attestations supplied: Attestations are only supported when using Trusted Publishing", "Trusted"),
    ("400 The name 'requests2' is too similar to an existing project. See https://p.example/help/", "administrators"),
    ("400 File too large. Limit for project 'w' is 100 MB. See https://p.example/help/", "larger limit"),
    ("400 Project size too large. Limit for project 'w' total size is 10 GB.", "more room"),
]


@pytest.mark.parametrize(("said", "meaning"), SAID)
@pytest.mark.parametrize("kind", [IndexKind.PYPI, IndexKind.TESTPYPI])
def test_a_rule_of_pypi_is_told_with_its_way_out(kind: IndexKind, said: str, meaning: str) -> None:
    sent = Sent(outcome=AttemptOutcome.REFUSED, reason=said, again=False)
    told = explained(kind, sent)
    assert told.reason.startswith(said.rstrip("."))
    assert meaning in told.reason.removeprefix(said)
    assert replace(told, reason=said) == sent


def test_other_words_other_indexes_and_other_outcomes_are_left_alone() -> None:
    for kind, sent in (
        (IndexKind.PYPI, Sent(outcome=AttemptOutcome.REFUSED, reason="400 Invalid value for classifiers", again=False)),
        (IndexKind.SIMPLE, Sent(outcome=AttemptOutcome.REFUSED, reason=SAID[0][0], again=False)),
        (IndexKind.GITLAB, Sent(outcome=AttemptOutcome.REFUSED, reason=SAID[1][0], again=False)),
        (IndexKind.PYPI, Sent(outcome=AttemptOutcome.UNCLEAR, reason=SAID[0][0])),
    ):
        assert explained(kind, sent) is sent
