"""The ledger in the state file: written with what it tells of, by one at a time, and changed by nobody unseen."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from bot.adapters.gitlab.client import Api
from bot.adapters.meter import Meter
from bot.adapters.store.begun import OVER_AFTER
from bot.adapters.store.open import open_state
from bot.adapters.store.store import Store
from bot.domain.errors import RefusedError, TransientError
from bot.domain.ledger import Broken
from bot.domain.releases import AttemptOutcome, Receipt
from bot.domain.secrets import HIDDEN, Redactor, Secret
from tests.contract.hostile import TOKEN, Answer, Asked, Cut, hostile, reply
from tests.contract.states import BOTH, store_on
from tests.contract.turn_bench import planned
from tests.unit.release_facts import NOON, SDIST, WHEEL, attempt, digest_of

KEY = planned().key
PLANTED = "correct horse battery staple"


def proof(file: str = WHEEL, where: str = "https://index.example.com/f") -> Receipt:
    return Receipt(target="index:registry", kind="upload", where=where, at=NOON, file=file, sha256=digest_of(file))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ropewalk.db"


@pytest.fixture(params=BOTH)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    opened = store_on(request.param, request, tmp_path)
    yield opened
    opened.close()


def release(store: Store) -> None:
    """Two files sent and proven, one request besides."""
    for number, file in enumerate((WHEEL, SDIST), 1):
        tried = attempt(AttemptOutcome.CLAIMED, item=file, number=number)
        tried = replace(tried, words=f"upload {file} to registry")
        store.ledger.attempt(KEY, tried)
        store.ledger.attempt(KEY, replace(tried, outcome=AttemptOutcome.ACCEPTED, at=NOON + timedelta(seconds=number)))
    store.ledger.record(KEY, [proof(), proof(SDIST)])
    store.journal.requested("put", "/projects/42/variables/TWINE_PASSWORD", "accepted", NOON)


def test_a_path_of_any_length_is_noted(store: Store) -> None:
    """PostgreSQL refuses to index what is long and looks random."""
    path = "/projects/42/releases/" + "".join(digest_of(str(number)) for number in range(99))
    store.journal.requested("put", path, "accepted", NOON)
    (row,) = store.journal.entries("/projects/42/releases/")
    assert row.written.words == f"PUT {path}"
    assert store.journal.verify()[1] is None


def test_every_outcome_proof_and_request_has_an_entry_and_a_claim_has_none(store: Store) -> None:
    release(store)
    store.ledger.record(KEY, [proof()])  # known already
    store.ledger.attempt(KEY, attempt(AttemptOutcome.PUT_OFF, number=3))
    store.ledger.attempt(KEY, attempt(AttemptOutcome.ACCEPTED, number=4, target="install:registry"))
    assert [(row.sequence, row.written.words, row.written.outcome) for row in store.journal.entries()] == [
        (1, f"upload {WHEEL} to registry", "accepted"),
        (2, f"upload {SDIST} to registry", "accepted"),
        (3, f"{WHEEL} stands on index:registry", "upload"),
        (4, f"{SDIST} stands on index:registry", "upload"),
        (5, "PUT /projects/42/variables/TWINE_PASSWORD", "accepted"),
    ]
    chain, broken = store.journal.verify()
    assert (chain.sequence, broken) == (5, None)
    assert store.journal.verify((5, chain.digest))[1] is None
    assert [row.sequence for row in store.journal.entries("/projects/42/")] == [5]
    assert [row.sequence for row in store.journal.entries(KEY)] == [1, 2, 3, 4]
    assert list(store.journal.entries(KEY.upper())) == []


def test_a_request_whose_end_nobody_told_comes_into_the_ledger_once_it_must_be_over(store: Store) -> None:
    """A process that dies between a write to GitLab and its note hides nothing."""
    tag = store.journal.requesting("post", "/projects/42/repository/tags", NOON)
    told = store.journal.requesting("put", "/projects/42/releases/v1", NOON + timedelta(seconds=1))
    store.journal.requested("put", "/projects/42/releases/v1", "accepted", NOON, begun=told)
    unsent = store.journal.requesting("post", "/projects/42/releases", NOON)
    store.journal.requested("post", "/projects/42/releases", "", NOON, begun=unsent)
    assert store.journal.settle(NOON + OVER_AFTER) == 0
    assert store.journal.settle(NOON + OVER_AFTER + timedelta(seconds=1)) == 1
    assert store.journal.settle(NOON + timedelta(days=1)) == 0
    told_late = store.journal.requesting("post", "/projects/43/releases", NOON)
    store.journal.requesting("post", "/projects/44/releases", NOON + timedelta(days=1))  # settles what is left, too
    store.journal.requested("post", "/projects/43/releases", "accepted", NOON, begun=told_late)
    store.journal.requested("post", "/projects/42/repository/tags", "accepted", NOON, begun=tag)  # it was but frozen
    assert [(row.written.words, row.written.outcome) for row in store.journal.entries()] == [
        ("PUT /projects/42/releases/v1", "accepted"),
        ("POST /projects/42/repository/tags", "unclear"),
        ("POST /projects/43/releases", "unclear"),
        ("POST /projects/43/releases", "accepted"),
        ("POST /projects/42/repository/tags", "accepted"),
    ]
    assert store.journal.verify()[1] is None


def test_an_entry_and_what_it_tells_of_are_stored_together_or_not_at_all(store: Store) -> None:
    with pytest.raises(RuntimeError), store.database.gather():
        release(store)
        raise RuntimeError
    assert (store.ledger.attempts(KEY), store.ledger.receipts(KEY), list(store.journal.entries())) == ((), (), [])


@pytest.mark.parametrize("statement", ["UPDATE ledger SET words = 'x'", "DELETE FROM ledger"])
def test_the_database_itself_refuses_to_change_an_entry(store: Store, statement: str) -> None:
    release(store)
    with pytest.raises(IntegrityError, match="append-only"), store.database.begin() as connection:
        connection.execute(text(statement))
    assert store.journal.verify()[1] is None


def test_threads_that_write_at_once_make_one_chain(store: Store) -> None:
    count, each = 6, 8

    def work(who: int) -> None:
        for number in range(1, each + 1):
            with store.database.gather():  # as a turn that folds several writes into one
                store.ledger.attempt(f"{who}/v1@x", attempt(AttemptOutcome.ACCEPTED, number=number))
                store.journal.requested("post", f"/projects/{who}/releases", "accepted", NOON)

    threads = [threading.Thread(target=work, args=(who,)) for who in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    chain, broken = store.journal.verify()
    assert (chain.sequence, broken) == (2 * count * each, None)


TAMPERING: list[tuple[str, str, Broken]] = [
    (
        "a changed outcome",
        "UPDATE ledger SET outcome = 'refused' WHERE sequence = 2",
        Broken(sequence=2, what="its text was changed after it was written"),
    ),
    ("a lost entry", "DELETE FROM ledger WHERE sequence = 3", Broken(sequence=4, what="entry 3 is missing")),
    (
        "a cut end",
        "DELETE FROM ledger WHERE sequence > 3",
        Broken(sequence=None, what=f"the receipt of {KEY} for index:registry has no entry"),
    ),
    (
        "a proof of other bytes",
        f"UPDATE receipts SET sha256 = '{'f' * 64}' WHERE file = '{SDIST}'",
        Broken(sequence=4, what="the receipt on record is another, or gone"),
    ),
    (
        "a try that never was",
        "UPDATE attempts SET outcome = 'refused' WHERE number = 1",
        Broken(sequence=1, what="the attempt on record is another, or gone"),
    ),
    ("a lost record", "DELETE FROM attempts", Broken(sequence=1, what="the attempt on record is another, or gone")),
]


@pytest.mark.parametrize(("statement", "broken"), [row[1:] for row in TAMPERING], ids=[row[0] for row in TAMPERING])
def test_who_changes_the_database_is_found_out(store: Store, statement: str, broken: Broken) -> None:
    release(store)
    change(store, statement)
    assert store.journal.verify()[1] == broken


def test_an_end_that_was_cut_with_its_records_is_found_by_a_digest_that_was_noted(store: Store) -> None:
    release(store)
    noted = (5, store.journal.verify()[0].digest)
    change(store, "DELETE FROM ledger WHERE sequence = 5")
    assert store.journal.verify()[1] is None
    gone = Broken(sequence=5, what="it was noted and is gone: the ledger was cut")
    assert store.journal.verify(noted)[1] == gone
    other = Broken(sequence=1, what="it is not the one whose digest was noted")
    assert store.journal.verify((1, "0" * 64))[1] == other


def change(store: Store, statement: str) -> None:
    """As somebody would who owns the database, the triggers out of the way."""
    triggers = {
        "sqlite": [f"DROP TRIGGER ledger_no_{verb}" for verb in ("update", "delete")],
        "postgresql": ["ALTER TABLE ledger DISABLE TRIGGER ledger_no_change"],
    }
    with store.engine.begin() as connection:
        for one in (*triggers[store.engine.dialect.name], statement):
            connection.exec_driver_sql(one)


def test_a_file_of_an_earlier_version_is_taken_in_once(path: Path) -> None:
    first = Store(open_state(path), str)
    release(first)
    first.close()
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("DROP TABLE ledger")
    for _ in range(2):
        store = Store(open_state(path), str)
        words = [(row.written.words, row.written.outcome) for row in store.journal.entries()]
        assert sorted(words) == sorted(
            [
                (f"{WHEEL} stands on index:registry", "upload"),
                (f"{SDIST} stands on index:registry", "upload"),
                (f"index:registry {WHEEL}", "accepted"),
                (f"index:registry {SDIST}", "accepted"),
            ]
        )
        assert store.journal.verify()[1] is None
        store.close()


def cut(_: Asked) -> bytes:
    """The request came in whole, and no answer goes out."""
    raise Cut


@pytest.mark.parametrize(
    ("answer", "heard"),
    [
        (lambda _: reply(201, {"iid": 1}), ["accepted"]),
        (lambda _: reply(204, b""), ["accepted"]),
        (lambda _: reply(400, {"message": "no"}), ["refused"]),
        (lambda _: reply(403, {"message": "no"}), ["refused"]),
        (lambda _: reply(502, b"bad"), ["unclear"]),
        (cut, ["unclear"]),
        (lambda _: reply(429, b"slow", **{"Retry-After": "3"}), [""]),
    ],
    ids=["taken", "empty", "refused", "denied", "broken", "cut off", "put off"],
)
def test_each_request_that_is_to_change_something_is_heard_before_it_is_sent_and_with_its_end(
    answer: Answer, heard: list[str]
) -> None:
    told: list[str] = []
    secret = Secret(TOKEN)

    def begin(method: str, path: str) -> Callable[[str], None]:
        told.append(f"{method} {path}")
        return told.append

    def seen(asked: Asked) -> bytes | Iterator[bytes]:
        told.append("sent")
        return answer(asked)

    with hostile(seen) as server:
        one = Api(
            url=server.url,
            token=secret,
            redactor=Redactor([secret]),
            meter=Meter(),
            on_write=begin,
        )
        with suppress(TransientError, RefusedError):
            one.send("post", "/projects/1/releases", {"name": "x"})
        with suppress(TransientError, RefusedError):
            one.get("/projects/1")
    begun = ["post /projects/1/releases", "sent", *heard]
    assert told[: len(begun)] == begun
    assert told[len(begun) :] in (["sent"], []), "nobody hears of what only reads"


def test_what_cannot_be_written_down_is_not_sent() -> None:
    """A full disk, a database that is away: a write that nobody could tell of later is put off."""

    def begin(method: str, path: str) -> Callable[[str], None]:
        raise TransientError(what=f"{method} {path}", where="the state's database")

    secret = Secret(TOKEN)
    with hostile(lambda _: reply(201, {"iid": 1})) as server:
        one = Api(url=server.url, token=secret, redactor=Redactor([secret]), meter=Meter(), on_write=begin)
        with pytest.raises(TransientError, match="the state's database"):
            one.send("post", "/projects/1/releases", {"name": "x"})
        assert server.asked == []


def test_no_secret_reaches_an_entry(path: Path) -> None:
    store = Store(open_state(path), Redactor([Secret(PLANTED)]).redact)
    store.ledger.record(KEY, [proof(where=f"https://user:{PLANTED}@index.example.com/f")])
    store.journal.requested("post", f"/projects/1/x?token={PLANTED}", "refused", NOON)
    rows = list(store.journal.entries())
    assert not any("horse" in str(row) for row in rows)
    assert rows[1].written.words == f"POST /projects/1/x?token={HIDDEN}"
    assert store.journal.verify()[1] is None
    store.close()
