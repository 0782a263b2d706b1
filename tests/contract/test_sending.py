"""Sending given files in one go: proof, patience, and an ID token that is exchanged once and only if it is needed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from bot.cli.exits import Exit, exit_of_release
from bot.domain.errors import TransientError
from bot.domain.policy import IndexKind, IndexSpec
from bot.domain.releases import AttemptOutcome, ReleaseState
from bot.domain.secrets import Secret
from bot.domain.verdicts import GateResult, Verdict
from bot.engine.sending import IdToken, Post, Sending, send
from bot.ports.index import Gathered, IndexPlace, Sent
from tests.fakes import Clock, FakeIndex
from tests.unit.release_facts import NOON, SDIST, WHEEL, digest_of, distribution, wanted

SPEC = IndexSpec(name="pypi", kind=IndexKind.PYPI)
FILES = Gathered(files=(distribution(WHEEL), distribution(SDIST)))
ALLOWED = GateResult(name="ref_protected", verdict=Verdict.PASS, reason="it is")
BOTH = {WHEEL: digest_of(WHEEL), SDIST: digest_of(SDIST)}
AWAY = TransientError(what="it answers 503", where="pypi")
TOKEN = IdToken(variable="PYPI_ID_TOKEN", value=Secret("e30.e30.x"))


@dataclass(slots=True)
class Counter:
    """See bot.ports.index.Minter; counts, and remembers with which password files came."""

    index: FakeIndex
    minted: list[str] = field(default_factory=list)

    def mint(self, place: IndexPlace, variable: str, id_token: Secret) -> Secret:
        """One token an exchange."""
        assert (place.spec, variable, id_token) == (SPEC, TOKEN.variable, TOKEN.value)
        self.minted.append(variable)
        return Secret(f"pypi-{len(self.minted)}")


@dataclass(slots=True)
class Counterpart:
    """One index, one clock, one minter."""

    index: FakeIndex = field(default_factory=FakeIndex)
    clock: Clock = field(default_factory=lambda: Clock(NOON))
    said: list[str] = field(default_factory=list)
    minter: Counter = field(init=False)

    def __post_init__(self) -> None:
        """The minter counts for that index."""
        self.minter = Counter(self.index)

    def send(self, *, dry_run: bool = False, patience: float = 900) -> Sending:
        """Send both files."""
        post = Post(
            index=self.index,
            minter=self.minter,
            clock=self.clock,
            wait=lambda seconds: self.clock.wait(timedelta(seconds=seconds)),
            say=self.said.append,
            patience=timedelta(seconds=patience),
            id_token=TOKEN,
        )
        return send(post, wanted(indexes=(SPEC,), asked=self.clock()), FILES, ALLOWED, dry_run=dry_run)


def code(done: Sending) -> Exit:
    return exit_of_release(done.release, public=done.public, attempts=done.facts.attempts)


def test_the_token_is_exchanged_once_for_all_files() -> None:
    there = Counterpart()
    done = there.send()
    assert (done.release.state, code(done)) == (ReleaseState.PUBLISHED, Exit.DONE)
    assert there.index.wire.writes == [f"upload pypi {WHEEL}", f"upload pypi {SDIST}"]
    assert len(there.minter.minted) == 1
    assert {receipt.file: receipt.sha256 for receipt in done.receipts} == BOTH
    assert {receipt.kind for receipt in done.receipts} == {"upload"}


@pytest.mark.parametrize("dry_run", [False, True])
def test_no_token_is_asked_for_where_nothing_is_to_be_sent(dry_run: bool) -> None:
    there = Counterpart()
    if not dry_run:
        there.index.files_on["pypi"] = dict(BOTH)
    done = there.send(dry_run=dry_run)
    assert (there.minter.minted, there.index.wire.writes, code(done)) == ([], [], Exit.DONE)
    wanted_state = ReleaseState.PLANNED if dry_run else ReleaseState.PUBLISHED
    assert done.release.state is wanted_state
    assert [step.course.value for step in done.steps] == (["upload", "upload"] if dry_run else [])
    assert {receipt.kind for receipt in done.receipts} == (set() if dry_run else {"found"})


def test_a_lost_reply_is_looked_for() -> None:
    there = Counterpart()
    there.index.wire.lost[f"upload pypi {WHEEL}"] = [AWAY]
    done = there.send()
    assert (done.release.state, there.index.wire.writes.count(f"upload pypi {WHEEL}")) == (ReleaseState.PUBLISHED, 1)


def test_an_index_that_cannot_be_reached_is_given_up_soon_while_nothing_was_sent() -> None:
    there = Counterpart()
    there.index.wire.before["files pypi"] = [AWAY] * 9
    with pytest.raises(TransientError):
        there.send()
    assert there.clock.now - NOON < timedelta(seconds=10)


def test_once_something_was_sent_a_proof_is_waited_for_and_its_lack_is_said() -> None:
    there = Counterpart()
    sent = f"upload pypi {SDIST}"

    def gone(_: int) -> None:
        if there.index.wire.writes[-1] == sent:
            there.index.wire.before["files pypi"] = [AWAY] * 10_000

    there.index.wire.wrote = gone
    done = there.send(patience=300)
    assert (done.release.state, code(done)) == (ReleaseState.PARTIAL, Exit.PARTIAL)
    assert timedelta(seconds=270) < there.clock.now - NOON < timedelta(seconds=310)
    assert done.release.next is not None
    assert done.release.next.startswith(str(AWAY).rstrip(".")) and "sends only what is missing" in done.release.next


def test_a_file_that_is_accepted_and_never_listed_is_no_success() -> None:
    there = Counterpart()
    there.index.refusals["pypi", WHEEL] = [Sent(outcome=AttemptOutcome.ACCEPTED)] * 99
    done = there.send(patience=120)
    assert (done.release.state, code(done)) == (ReleaseState.PARTIAL, Exit.PARTIAL)
    assert f"{WHEEL} was accepted and is not listed yet, and 2 min are over" in (done.release.next or "")


@pytest.mark.parametrize(
    ("outcome", "ending"), [(AttemptOutcome.DENIED, Exit.UNREACHABLE), (AttemptOutcome.REFUSED, Exit.FAILED)]
)
def test_a_refusal_before_anything_stands_there_and_one_of_the_credentials_end_differently(
    outcome: AttemptOutcome, ending: Exit
) -> None:
    there = Counterpart()
    there.index.refusals["pypi", WHEEL] = [Sent(outcome=outcome, reason="no", again=False)]
    done = there.send()
    assert (done.release.state, code(done), there.index.wire.writes) == (ReleaseState.FAILED, ending, [])
