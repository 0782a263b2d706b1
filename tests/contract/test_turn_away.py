"""Turns of a release while an index takes nothing: it needs no person to go on, and one in the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast

import pytest

from bot.app import App
from bot.cli import release as command
from bot.cli.codes import Exit
from bot.cli.options import Format, Options
from bot.domain.distributions import Distribution
from bot.domain.releases import AttemptOutcome, Release, ReleaseState
from bot.domain.secrets import Redactor
from bot.engine.local import Hold, alone
from bot.ports.index import IndexPlace, Sent
from bot.release.facts import Wanted
from tests.contract.turn_bench import MOST_TURNS, WRITES, Bench, planned
from tests.fake_store import FakeLedger, FakeReleaseRows
from tests.fakes import FakeIndex
from tests.unit.release_facts import NOON

AWAY = Sent(outcome=AttemptOutcome.UNCLEAR, reason="503 Service Unavailable")
EVER = NOON + timedelta(days=400)


@dataclass(slots=True)
class AwayIndex(FakeIndex):
    """`away` takes no file until then, and lists nothing new."""

    away: str = ""
    until: datetime = NOON
    clock: Callable[[], datetime] = lambda: NOON

    def send(self, place: IndexPlace, distribution: Distribution) -> Sent:
        """503 while it is away."""
        if place.spec.name == self.away and self.clock() < self.until:
            return AWAY
        return FakeIndex.send(self, place, distribution)


def patient(wanted: Wanted) -> Wanted:
    """With an hour of patience for each index."""
    return replace(wanted, indexes=tuple(replace(spec, retry_for=timedelta(hours=1)) for spec in wanted.indexes))


def bench_of(folder: Path, away: str, until: datetime) -> Bench:
    bench = Bench(folder=folder, wants=patient)
    bench.index = AwayIndex(wire=bench.wire, away=away, until=until, clock=bench.clock)
    return bench


@pytest.mark.parametrize("away", ["registry", "public"])
@pytest.mark.parametrize("minutes", [2, 20, 55])
def test_an_index_that_is_away_for_less_than_an_hour_needs_nobody(tmp_path: Path, away: str, minutes: int) -> None:
    bench = bench_of(tmp_path, away, NOON + timedelta(minutes=minutes))
    ended = bench.to_the_end()
    assert ended.state is ReleaseState.PUBLISHED
    assert bench.wire.writes == WRITES
    assert bench.clock.now <= NOON + timedelta(minutes=minutes + 15)


@pytest.mark.parametrize(("away", "state"), [("registry", ReleaseState.FAILED), ("public", ReleaseState.PARTIAL)])
def test_after_an_hour_a_person_has_to_look(tmp_path: Path, away: str, state: ReleaseState) -> None:
    """Until then it waits and says until when; a resume begins anew."""
    bench = bench_of(tmp_path, away, EVER)
    release, told = planned(), list[Release]()
    for _ in range(MOST_TURNS):
        release = bench.turn(release)
        if release.due_at is None:
            break
        told.append(release)
        bench.clock.wait(max(release.due_at - bench.clock.now, timedelta()))
    assert {(one.state, (one.next or "").endswith("until 2026-08-03 13:00 UTC")) for one in told} == {
        (ReleaseState.WAITING, True)
    }
    assert (release.state, "503 Service Unavailable (" in (release.next or "")) == (state, True)
    assert timedelta(hours=1) <= bench.clock.now - NOON < timedelta(minutes=62)
    assert len(told) < 15


@dataclass(slots=True)
class Rows:
    """As much of a state as following a release needs."""

    releases: FakeReleaseRows
    ledger: FakeLedger


@dataclass(slots=True)
class Following:
    """As much of an App as following a release needs."""

    store: Rows
    turn: Callable[[Release], Release]
    clock: Callable[[], datetime]
    hold: Hold = alone


@pytest.mark.parametrize(("away", "code"), [("registry", Exit.UNREACHABLE), ("public", Exit.PARTIAL)])
def test_a_command_leaves_a_release_that_waits_for_an_index_longer_than_a_minute(
    tmp_path: Path, away: str, code: Exit, capsys: pytest.CaptureFixture[str]
) -> None:
    """With 6, or 21 once something is public, and the release goes on: a daemon does it, or a resume."""
    bench = bench_of(tmp_path, away, EVER)
    begun = planned()
    while (begun := bench.turn(begun)).due_at is not None and begun.due_at - bench.clock.now <= timedelta(seconds=32):
        bench.clock.wait(max(begun.due_at - bench.clock.now, timedelta()))
    assert begun.due_at is not None, "it goes on"
    bench.clock.wait(begun.due_at - bench.clock.now)
    rows = FakeReleaseRows(begun)
    turn = lambda release: replace(bench.turn(release), turn=release.turn)  # noqa: E731  # the store counts them
    app = cast(App, Following(store=Rows(rows, bench.ledger), turn=turn, clock=bench.clock))
    options = Options(
        config=None,
        format=Format.TEXT,
        format_name="text",
        quiet=False,
        verbose=False,
        color=False,
        redactor=Redactor(),
    )
    left = command.run_here(options, app, begun.key)
    assert (left.state, left.due_at is not None) == (ReleaseState.WAITING, True)
    assert command.GOES_ON in capsys.readouterr().err
    assert command.code_left(app, left, bench.ledger.receipts(begun.key)) is code
