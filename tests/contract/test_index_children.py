"""Children: who sees what, who dies with whom, and what a lock outlives."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.adapters.index.children import Children, clean_environment
from bot.adapters.index.limits import Patience
from bot.adapters.index.locks import UploadLocks
from bot.adapters.index.messages import Access, Checked, CheckJob, LookJob
from bot.adapters.index.service import IndexAdapter
from bot.domain.distributions import Distribution
from bot.domain.errors import RefusedError, TransientError
from bot.domain.releases import AttemptOutcome
from tests.contract.index_parts import (
    PASSWORD,
    TOKEN,
    Request,
    Scripted,
    keep,
    make_adapter,
    says,
    simple_spec,
    wheel_bytes,
)

ROOT = Path(__file__).parents[2]
FORMS = [PASSWORD.encode(), TOKEN.encode(), b"Y29ycmVjdCBob3JzZ"]
NO_ACCESS = Access(username=None, password=None, ca_file=None, proxy=None, connect=2, silence=2)


@pytest.fixture
def children() -> Iterator[Children]:
    runner = Children()
    yield runner
    runner.close()


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@contextmanager
def watched(pid: int) -> Iterator[int]:
    """A descriptor that becomes readable when the process is gone."""
    descriptor = os.pidfd_open(pid)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def gone(descriptor: int, seconds: float) -> bool:
    return bool(select.select([descriptor], [], [], seconds)[0])


def hang(_: Request, connection: socket.socket) -> None:
    connection.recv(1)


@contextmanager
def daemon(state: Path, url: str, distribution: Distribution) -> Iterator[subprocess.Popen[str]]:
    """The bot's part in a process of its own, with secrets in its environment."""
    arguments = [str(state), url, distribution.sha256, distribution.filename, str(distribution.size)]
    with subprocess.Popen(
        [sys.executable, "-m", "tests.contract.index_daemon", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "INHOUSE_PASSWORD": PASSWORD, "ROPEWALK_GITLAB_TOKEN": TOKEN},
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def upload_under_way(tmp_path: Path, children: Children) -> Iterator[tuple[subprocess.Popen[str], int, int, Scripted]]:
    """A daemon whose upload hangs at the index: the process, its fork server's and its child's id, and the index."""
    adapter = make_adapter(tmp_path / "state", children)
    distribution = keep(adapter, tmp_path, wheel_bytes())
    with Scripted(hang).running() as server, daemon(tmp_path / "state", server.url, distribution) as process:
        assert process.stdout is not None
        fork_server = int(process.stdout.readline())
        assert server.arrived.wait(20)
        (child,) = children_of(fork_server)
        yield process, fork_server, child, server


def lock_comes_free(tmp_path: Path, url: str, seconds: float) -> bool:
    with UploadLocks(tmp_path / "state" / "locks").sending(f"{url}/", "widget", seconds=seconds) as lock:
        return lock is not None


@pytest.mark.slow
def test_no_secret_is_in_argv_or_environment_of_fork_server_and_child(tmp_path: Path, children: Children) -> None:
    with upload_under_way(tmp_path, children) as (process, fork_server, child, _):
        assert PASSWORD.encode() in Path(f"/proc/{process.pid}/environ").read_bytes()
        for pid in (fork_server, child):
            for name in ("environ", "cmdline"):
                try:
                    seen = Path(f"/proc/{pid}/{name}").read_bytes()
                except PermissionError:
                    continue  # not dumpable: closed even to its own user
                assert not [form for form in FORMS if form in seen]
        names = set(clean_environment())
        assert names <= {"PATH", "HOME", "LANG", "TMPDIR"}


@pytest.mark.slow
def test_kill_9_of_the_daemon_ends_the_upload_and_frees_its_lock(tmp_path: Path, children: Children) -> None:
    with upload_under_way(tmp_path, children) as (process, fork_server, child, server):
        assert not lock_comes_free(tmp_path, server.url, 0)
        with watched(child) as end_of_child, watched(fork_server) as end_of_server:
            os.kill(process.pid, signal.SIGKILL)
            assert gone(end_of_child, 5)
            assert gone(end_of_server, 5)
        assert lock_comes_free(tmp_path, server.url, 5)


@pytest.mark.slow
def test_a_stopped_child_of_a_killed_daemon_is_killed_too(tmp_path: Path, children: Children) -> None:
    with upload_under_way(tmp_path, children) as (process, _, child, server):
        os.kill(child, signal.SIGSTOP)
        with watched(child) as end_of_child:
            os.kill(process.pid, signal.SIGKILL)
            assert gone(end_of_child, 5)
        assert lock_comes_free(tmp_path, server.url, 5)


@pytest.mark.slow
def test_the_death_of_the_fork_server_ends_its_child_and_the_next_job_starts_another(
    tmp_path: Path, children: Children
) -> None:
    with upload_under_way(tmp_path, children) as (process, fork_server, child, server):
        with watched(child) as end_of_child:
            os.kill(fork_server, signal.SIGKILL)
            assert gone(end_of_child, 5)
        assert process.stdout is not None
        assert "UNCLEAR" in process.stdout.readline()
        assert lock_comes_free(tmp_path, server.url, 5)


@pytest.mark.slow
def test_a_fork_server_that_died_is_replaced(tmp_path: Path, children: Children) -> None:
    wheel = tmp_path / "widget-1.0-py3-none-any.whl"
    wheel.write_bytes(wheel_bytes())
    job = CheckJob(path=str(wheel), memory=600 << 20, cpu=30)
    lives = [children.alive]
    assert children.run(job, deadline=30).reply == Checked(complaint="")
    first = children.server_pid
    assert first is not None
    lives.append(children.alive)
    with watched(first) as end:
        os.kill(first, signal.SIGKILL)
        assert gone(end, 5)
    lives.append(children.alive)
    assert lives == [None, True, False]
    assert children.run(job, deadline=30).reply == Checked(complaint="")
    assert children.server_pid != first


def test_a_machine_that_is_too_busy_to_start_it_is_a_reason_to_try_later(tmp_path: Path) -> None:
    """Not a fault of the bot; and the next job starts another."""
    hurried = Children(start=0.001)
    job = CheckJob(path=str(tmp_path / "none"), memory=1 << 30, cpu=5)
    try:
        for _ in range(2):
            with pytest.raises(TransientError, match="did not start within"):
                hurried.run(job, deadline=5)
        assert hurried.alive is False
    finally:
        hurried.close()


def test_whether_it_lives_can_be_asked_while_it_starts(children: Children) -> None:
    """A health check must not wait for the second that twine takes to be imported, nor for a server that hangs."""
    said: list[bool | None] = []
    asking = threading.Thread(target=lambda: said.append(children.alive), daemon=True)
    with children._lock:  # held as long as a server starts
        asking.start()
        asking.join(5)
        assert said == [None]


@pytest.mark.slow
def test_a_child_is_killed_at_its_deadline_even_when_it_is_stopped(children: Children) -> None:
    with Scripted(hang).running() as server:
        job = LookJob(
            url=f"{server.url}/",
            name="widget",
            follow=True,
            access=NO_ACCESS,
            wanted=(),
            memory=600 << 20,
            cpu=30,
        )

        def stop() -> None:
            server.arrived.wait(20)
            assert children.server_pid is not None
            for child in children_of(children.server_pid):
                os.kill(child, signal.SIGSTOP)

        children.start()
        stopper = threading.Thread(target=stop)
        stopper.start()
        ended = children.run(job, deadline=2)
        stopper.join()
    assert (ended.reply, ended.code, ended.late) == (None, -signal.SIGKILL, True)
    assert children.server_pid is not None
    assert children_of(children.server_pid) == []


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root sees the descriptors of a process that is not dumpable")
def test_children_hold_no_descriptor_of_each_other(tmp_path: Path, children: Children) -> None:
    adapter = make_adapter(tmp_path / "state", children)
    distribution = keep(adapter, tmp_path, wheel_bytes())
    with Scripted(hang).running() as one, Scripted(hang).running() as two:
        threads = [threading.Thread(target=_send, args=(adapter, server.url, distribution)) for server in (one, two)]
        for thread in threads:
            thread.start()
        assert one.arrived.wait(10)
        assert two.arrived.wait(10)
        assert children.server_pid is not None
        opened = [_descriptors(pid) for pid in children_of(children.server_pid)]
        assert len(opened) == 2
        assert not [name for name in opened[0] & opened[1] if name.startswith("socket:") or name.endswith(".lock")]
        assert not [name for name in _descriptors(children.server_pid) if name.endswith(".lock")]
        for thread in threads:
            thread.join()


def _send(adapter: IndexAdapter, url: str, distribution: Distribution) -> None:
    assert adapter.send(adapter.place(simple_spec(url), 1, "widget"), distribution).outcome is AttemptOutcome.UNCLEAR


def _descriptors(pid: int) -> set[str]:
    """What a process holds open; kinds of nameless things the kernel shares are left out."""
    names = {str(path.readlink()) for path in Path(f"/proc/{pid}/fd").iterdir()}
    return {name for name in names if not name.startswith("anon_inode:")}


@pytest.mark.slow
def test_many_threads_share_one_server(tmp_path: Path, children: Children) -> None:
    adapter = make_adapter(tmp_path / "state", children)
    results: list[AttemptOutcome] = []
    with Scripted(says("200 OK")).running() as server:
        distribution = keep(adapter, tmp_path, wheel_bytes())

        def send(number: int) -> None:
            place = adapter.place(simple_spec(f"{server.url}/{number}"), 1, "widget")
            results.append(adapter.send(place, distribution).outcome)

        threads = [threading.Thread(target=send, args=(number,)) for number in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert results == [AttemptOutcome.ACCEPTED] * 12


@pytest.mark.parametrize("body", [b"<a href=/w-1.tar.gz>" * 700_000, b"<p>x</p>" * 1_900_000], ids=["deep", "wide"])
@pytest.mark.slow
def test_a_page_that_kills_its_reader_is_refused_and_the_daemon_lives(
    body: bytes, tmp_path: Path, children: Children
) -> None:
    patience = Patience(look=30, cpu=3, memory=128 << 20)
    adapter = make_adapter(tmp_path / "state", children, patience=patience)
    with (
        Scripted(
            says("200 OK", b"<title>Links for widget</title>" + body, Content_Type="text/html")
        ).running() as server,
        pytest.raises(RefusedError, match=r"indexes\.inhouse"),
    ):
        adapter.files(adapter.place(simple_spec(server.url), 1, "widget"), "widget")
    children.start()
    assert children.server_pid is not None
    assert children_of(children.server_pid) == []


def test_no_more_children_send_at_once_than_they_may_and_looking_is_not_held_up(tmp_path: Path) -> None:
    """Two uploads wait for their answers; a third one has not begun, while a look at the same index is answered."""
    runner = Children(most_heavy=2)
    arrived, go = threading.Semaphore(0), threading.Event()

    def answer(request: Request, connection: socket.socket) -> None:
        if request.method == "POST":
            arrived.release()
            assert go.wait(30)
            says("200 OK")(request, connection)
        else:
            says("404 Not Found")(request, connection)

    try:
        with Scripted(answer).running() as server:
            adapter = make_adapter(tmp_path / "state", runner)
            names = [f"widget{number}" for number in range(3)]
            files = [keep(adapter, tmp_path, wheel_bytes(name), f"{name}-1.0-py3-none-any.whl") for name in names]
            place = adapter.place(simple_spec(server.url), 42, "widget")
            threads = [threading.Thread(target=adapter.send, args=(place, file)) for file in files]
            for thread in threads:
                thread.start()
            assert arrived.acquire(timeout=30)
            assert arrived.acquire(timeout=30)
            assert adapter.files(place, "other") == ()
            assert not arrived.acquire(blocking=False)
            go.set()
            for thread in threads:
                thread.join(30)
            assert arrived.acquire(blocking=False), "the third one went when there was room"
    finally:
        go.set()
        runner.close()
