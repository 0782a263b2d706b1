"""Two machines and one index: whoever takes over starts no file that the other's child may still send."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.adapters.index.children import Children
from bot.adapters.index.leases import LOOK_AGAIN, Leases
from bot.adapters.index.locks import UploadLocks
from bot.adapters.index.messages import Access, UploadJob
from bot.adapters.index.service import IndexAdapter
from bot.adapters.store.replicas import SharedReplicas
from bot.adapters.store.sendings import SharedSendings
from bot.adapters.store.store import Store
from bot.domain.distributions import Distribution
from bot.domain.errors import FencedError, PutOffError, TransientError
from bot.domain.releases import AttemptOutcome
from bot.ports.index import IndexPlace, Sender, Sent
from tests.contract.index_parts import QUICK, Request, Scripted, keep, make_adapter, says, simple_spec, wheel_bytes
from tests.contract.states import store_on
from tests.contract.turn_bench import planned
from tests.postgres import Role
from tests.stories.bot import alive
from tests.waiting import until

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
PLACE = "0" * 32
ONE = Sender(token="1" * 32, boot="here", lock="/nowhere/x.lock", inode="1:2")
OTHER = replace(ONE, token="2" * 32)
UPLOAD, SETTLING = 2.0, 0.5  # seconds
PATIENT = replace(QUICK, upload=60.0, silence=60.0)


@pytest.fixture
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    store = store_on("postgresql", request, tmp_path)
    yield store
    store.close()


def hang(_: Request, connection: socket.socket) -> None:
    connection.recv(1)


@contextmanager
def replica(state: Path, url: str, role: Role, file: Distribution) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Another replica whose upload hangs at the index, and its child's process id."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.contract.lease_daemon"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        told = {"state": str(state), "url": url, "conninfo": role.conninfo, "upload": UPLOAD, "settling": SETTLING}
        told |= {"filename": file.filename, "sha256": file.sha256, "size": file.size}
        print(json.dumps(told), file=process.stdin, flush=True)
        try:
            fork_server = int(process.stdout.readline())
            children = Path(f"/proc/{fork_server}/task/{fork_server}/children")
            (child,) = until(lambda: children.read_text().split())
            yield process, int(child)
        finally:
            process.kill()


def test_of_two_only_one_may_send_until_it_ends_or_its_time_is_over(shared: Store) -> None:
    sendings = SharedSendings(shared.database)
    assert sendings.under_way(PLACE) is None
    assert sendings.begin(PLACE, ONE, 60)
    assert not sendings.begin(PLACE, OTHER, 60)
    found = sendings.under_way(PLACE)
    assert found is not None
    assert found.sender == ONE
    assert timedelta(seconds=50) < found.left <= timedelta(seconds=60)
    sendings.end(PLACE, OTHER.token)
    assert not sendings.begin(PLACE, OTHER, 60), "only its own end counts"
    sendings.end(PLACE, ONE.token)
    assert sendings.begin(PLACE, OTHER, 0.01)
    until(lambda: sendings.begin(PLACE, ONE, 60))


def test_a_frozen_replica_whose_child_still_sends_is_waited_for_and_its_file_not_sent_again(
    shared: Store, used_database: Role, tmp_path: Path, children: Children
) -> None:
    """The kernel ends the child on time though the replica stands still; only then the index is looked at."""
    leases = Leases(sendings=SharedSendings(shared.database), machine="another", settling=SETTLING)
    successor = make_adapter(tmp_path / "two", children, leases=leases)
    file = keep(make_adapter(tmp_path / "one", children), tmp_path, wheel_bytes())
    keep(successor, tmp_path, wheel_bytes())
    with Scripted(hang).running() as server:
        place = successor.place(simple_spec(server.url), 1, "widget")
        with replica(tmp_path / "one", server.url, used_database, file) as (process, child):
            assert server.arrived.wait(20)
            until(lambda: server.requests)
            os.kill(process.pid, signal.SIGSTOP)
            with pytest.raises(TransientError, match="by another replica may still be under way") as caught:
                successor.files(place, "widget")
            assert timedelta() < (caught.value.retry_after or timedelta()) <= LOOK_AGAIN
            sent = successor.send(place, file)
            assert (sent.outcome, sent.again) == (AttemptOutcome.PUT_OFF, True)
            assert [one.method for one in server.requests] == ["POST"]
            until(lambda: not alive(child), 10)
            server.answer = says("404 Not Found")
            until(lambda: looked(successor, place), 10)
            assert [one.method for one in server.requests] == ["POST", "GET"]
            os.kill(process.pid, signal.SIGCONT)
            assert process.stdout is not None
            assert "UNCLEAR" in process.stdout.readline()
    assert leases.sendings.under_way(PLACE) is None


def test_where_the_lock_can_be_asked_nobody_waits_for_the_dead(
    shared: Store, used_database: Role, tmp_path: Path, children: Children
) -> None:
    """Two replicas of one machine with folders of their own: the lock of a killed one is free at once."""
    successor = make_adapter(
        tmp_path / "two", children, leases=Leases(sendings=SharedSendings(shared.database), settling=60)
    )
    file = keep(make_adapter(tmp_path / "one", children), tmp_path, wheel_bytes())
    with Scripted(hang).running() as server:
        place = successor.place(simple_spec(server.url), 1, "widget")
        with replica(tmp_path / "one", server.url, used_database, file) as (process, child):
            assert server.arrived.wait(20)
            with pytest.raises(TransientError, match="another replica"):
                successor.files(place, "widget")
            process.kill()
            until(lambda: not alive(child), 5)
            server.answer = says("404 Not Found")
            until(lambda: looked(successor, place), 2)


def test_what_is_sent_is_told_before_and_forgotten_after(shared: Store, tmp_path: Path, children: Children) -> None:
    """And whoever lost the turn sends nothing: the fence is asked for in the transaction that tells."""
    sendings = SharedSendings(shared.database)
    leases = Leases(sendings=sendings, machine="here")
    adapter = make_adapter(tmp_path / "one", children, leases=leases)
    file = keep(adapter, tmp_path, wheel_bytes())
    seen: list[object] = []

    def answer(request: Request, connection: socket.socket) -> None:
        with shared.engine.begin() as rows:
            seen.append(rows.exec_driver_sql("SELECT count(*) FROM sendings").scalar())
        says("200 OK")(request, connection)

    replicas = SharedReplicas(shared.database)
    shared.releases.add(planned())
    (release,) = shared.releases.releases()
    with Scripted(answer).running() as server:
        place = adapter.place(simple_spec(server.url), 1, "widget")
        with replicas.hold(release):
            assert adapter.send(place, file).outcome is AttemptOutcome.ACCEPTED
            assert seen == [1]
            taken = threading.Thread(target=lambda: replicas.hold(release).__enter__())
            taken.start()
            taken.join()
            with pytest.raises(FencedError):
                adapter.send(place, file)
    assert len(server.requests) == 1
    with shared.engine.begin() as rows:
        assert rows.exec_driver_sql("SELECT count(*) FROM sendings").scalar() == 0


def test_an_orderly_stop_ends_what_is_being_sent_and_lets_others_look_at_once(
    shared: Store, tmp_path: Path, children: Children
) -> None:
    """Its child was seen dead. Nothing more is begun, and what is not begun is put off."""
    sendings = SharedSendings(shared.database)
    own = Children()
    adapter = make_adapter(tmp_path / "one", own, leases=Leases(sendings=sendings), patience=PATIENT)
    other = Leases(sendings=sendings, machine="another")
    file = keep(adapter, tmp_path, wheel_bytes())
    sent: list[Sent] = []
    try:
        with Scripted(hang).running() as server:
            place = adapter.place(simple_spec(server.url), 1, "widget")
            lock = UploadLocks(tmp_path / "one" / "locks").path(place.upload_url, "widget")
            thread = threading.Thread(target=lambda: sent.append(adapter.send(place, file)))
            thread.start()
            assert server.arrived.wait(20)
            assert other.wait(lock) == LOOK_AGAIN
            assert adapter.stop(10)
            assert other.wait(lock) is None
            thread.join()
            assert [(one.outcome, one.reason) for one in sent] == [
                (AttemptOutcome.UNCLEAR, "the child ended with signal 9")
            ]
            for again in (lambda: adapter.send(place, file), lambda: adapter.files(place, "widget")):
                with pytest.raises(PutOffError, match="the bot is being stopped"):
                    again()
            assert other.wait(lock) is None
            assert len(server.requests) == 1
    finally:
        adapter.close()


def test_of_a_child_whose_end_nobody_saw_the_others_believe_that_it_sends(shared: Store, tmp_path: Path) -> None:
    """The server that would have told of it is gone: it is waited for until its time is over."""
    sendings = SharedSendings(shared.database)
    own = Children()
    adapter = make_adapter(tmp_path / "one", own, leases=Leases(sendings=sendings), patience=PATIENT)
    file = keep(adapter, tmp_path, wheel_bytes())
    with Scripted(hang).running() as server:
        place = adapter.place(simple_spec(server.url), 1, "widget")
        lock = UploadLocks(tmp_path / "one" / "locks").path(place.upload_url, "widget")
        thread = threading.Thread(target=lambda: adapter.send(place, file))
        thread.start()
        assert server.arrived.wait(20)
        assert own.server_pid is not None
        os.kill(own.server_pid, signal.SIGKILL)
        thread.join()
        assert Leases(sendings=sendings, machine="another").wait(lock) == LOOK_AGAIN
    adapter.close()


def test_a_replica_that_froze_between_telling_and_sending_sends_nothing(tmp_path: Path, children: Children) -> None:
    """Its child's time began before it told of it, and is over."""
    access = Access(username=None, password=None, ca_file=None, proxy=None, connect=2, silence=2)
    wheel = tmp_path / "widget-1.0-py3-none-any.whl"
    wheel.write_bytes(wheel_bytes())
    digest = hashlib.sha256(wheel_bytes()).hexdigest()
    with Scripted(says("200 OK")).running() as server:
        job = UploadJob(url=f"{server.url}/", path=str(wheel), sha256=digest, access=access)
        ended = children.run(job, deadline=0.3, begin=lambda: sit_out(0.5))
        assert ended.reply is None
        assert server.requests == []
        assert children.run(job, deadline=QUICK.upload, begin=lambda: None).reply is not None
        assert len(server.requests) == 1


def sit_out(seconds: float) -> None:
    threading.Event().wait(seconds)


def looked(adapter: IndexAdapter, place: IndexPlace) -> bool:
    """Whether a look is let through by now."""
    try:
        return adapter.files(place, "widget") == ()
    except TransientError:
        return False
