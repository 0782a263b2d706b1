"""The files that policy expects of a release: all that is missing or too much is said at once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.policy import ExpectedFiles
from bot.domain.verdicts import Consequence, GateResult, Verdict
from bot.ports.index import Gathered
from bot.release.facts import Facts, Look, LookKind, Seen, Wanted
from bot.release.gates import expected_files
from tests.unit.release_facts import SDIST, WHEEL, distribution, good_facts, wanted

WINDOWS = "acme_widget-1.1.0-cp311-cp311-win_amd64.whl"


def expecting(expected: ExpectedFiles | None) -> Wanted:
    plain = wanted()
    return replace(plain, rule=replace(plain.rule, expect=expected))


def having(*filenames: str) -> Facts:
    return replace(good_facts(), files=Seen(Gathered(files=tuple(map(distribution, filenames)))))


CASES: list[tuple[ExpectedFiles, tuple[str, ...], str]] = [
    (ExpectedFiles(), (SDIST,), "all is there: no wheels and 1 sdist"),
    (ExpectedFiles(wheels=1, sdist=True), (WHEEL, SDIST), "all is there: 1 wheel and 1 sdist"),
    (ExpectedFiles(sdist=False), (WHEEL, WINDOWS), "all is there: 2 wheels and no sdists"),
    (ExpectedFiles(files=("*win_amd64.whl", "*.tar.gz")), (WINDOWS, SDIST), "all is there: 1 wheel and 1 sdist"),
    (ExpectedFiles(wheels=2), (WHEEL,), "policy expects 2 wheels. The jobs made 1 wheel and no sdists."),
    (ExpectedFiles(wheels=1), (WHEEL, WINDOWS), "policy expects 1 wheel. The jobs made 2 wheels and no sdists."),
    (ExpectedFiles(sdist=True), (WHEEL,), "policy expects an sdist. The jobs made 1 wheel and no sdists."),
    (ExpectedFiles(sdist=False), (WHEEL, SDIST), "policy allows no sdist. The jobs made 1 wheel and 1 sdist."),
    (
        ExpectedFiles(wheels=3, sdist=True, files=("*-win_amd64.whl", "*-any.whl")),
        (WHEEL,),
        "policy expects 3 wheels; policy expects an sdist; policy expects a file like *-win_amd64.whl. The jobs made "
        "1 wheel and no sdists.",
    ),
]


@pytest.mark.parametrize(("expected", "filenames", "reason"), CASES)
def test_a_set_of_files_is_whole_or_says_what_is_wrong(
    expected: ExpectedFiles, filenames: tuple[str, ...], reason: str
) -> None:
    whole = reason.startswith("all")
    said = expected_files.judge(expecting(expected), having(*filenames))
    way_out = "" if whole else " Mend them and push a new tag; nothing was uploaded"
    assert said == GateResult(
        name="expected_files",
        verdict=Verdict.PASS if whole else Verdict.FAIL,
        reason=reason + way_out,
        consequence=Consequence.NONE if whole else Consequence.BLOCK,
    )


def test_it_is_silent_unless_policy_expects_something_and_looks_for_the_files_first() -> None:
    assert expected_files.judge(expecting(None), having(WHEEL)) is None
    asked = expecting(ExpectedFiles(sdist=True))
    assert expected_files.judge(asked, replace(good_facts(), files=None)) == Look(LookKind.FILES)
    for spoilt in (Gathered(files=(), problems=("broken",)), Gathered(files=())):
        said = expected_files.judge(asked, replace(good_facts(), files=Seen(spoilt)))
        assert isinstance(said, GateResult)
        assert said.verdict is Verdict.NOT_APPLICABLE
