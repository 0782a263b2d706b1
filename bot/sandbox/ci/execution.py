"""Runs the jobs of boards in a bounded pool of threads, and tells of every change."""

import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TypeAlias

from bot.sandbox.ci import predefined
from bot.sandbox.ci.board import Board, Entry
from bot.sandbox.ci.creation import job_variables
from bot.sandbox.ci.model import CANCELABLE, Artifact, CiProject, Clock, Job, Pipeline, Status
from bot.sandbox.ci.processes import Stop
from bot.sandbox.ci.runner import Order, Result, Runner

JOB_TIMEOUT = 300  # seconds, where a job sets no `timeout`

MintIdToken: TypeAlias = Callable[[CiProject, Pipeline, Job, tuple[str, ...]], str]
OnChange: TypeAlias = Callable[[CiProject, Pipeline, Job | None], None]

_log = logging.getLogger("ropewalk.sandbox.ci")


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What the organisation gives the runner."""

    clock: Clock
    server_url: Callable[[], str]
    mint_job_token: Callable[[CiProject, Job], str]
    revoke_job_token: Callable[[str], None]
    mint_id_token: MintIdToken | None
    on_change: OnChange
    next_id: Callable[[str], int]


class Execution:
    """Moves jobs on. Every method but `close` is called with `lock` held, which is re-entrant.

    Nothing of the world that may lock in its turn (ids, tokens, projects) is asked while `lock` is held.
    """

    def __init__(self, world: World, *, workdir: Path, runner: Runner, max_jobs: int) -> None:
        self.lock = threading.RLock()
        self.closing = False
        self.entries: dict[int, tuple[Board, Entry]] = {}
        self._world, self._workdir, self._runner = world, workdir, runner
        self._pool = ThreadPoolExecutor(max_workers=max_jobs, thread_name_prefix="ci-job")
        self._news: queue.SimpleQueue[tuple[CiProject, Pipeline, Job | None] | None] = queue.SimpleQueue()
        self._teller = threading.Thread(target=self._tell, name="ci-news", daemon=True)
        self._teller.start()

    def folder(self, job_id: int) -> Path:
        """Where the trace and the artifacts of a job are kept."""
        return self._workdir / "jobs" / str(job_id)

    def archive(self, entry: Entry) -> Path | None:
        """The zip of a job's artifacts; None if there are none, or they have expired."""
        expiry = entry.job.artifacts_expire_at
        gone = expiry is not None and expiry <= self._world.clock.now()
        return None if gone else entry.archive

    def close(self) -> None:
        """Stop everything; returns once no job, and nothing a job started, is left."""
        with self.lock:
            if self.closing:
                return
            self.closing = True
            for _, entry in self.entries.values():
                if entry.stop is not None:
                    entry.stop.set()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._news.put(None)
        self._teller.join()

    def cancel(self, board: Board, entry: Entry) -> None:
        """Stop a job; one that is over, or waits for a person, stays as it is."""
        if entry.job.status not in CANCELABLE:
            return
        if entry.stop is not None:
            self.move(board, entry, "canceling")
            entry.stop.set()
        else:
            entry.job.finished_at = self._world.clock.now()
            self.move(board, entry, "canceled")

    def again(self, board: Board, entry: Entry, *, job_id: int, user_id: int | None) -> Entry:
        """A new, created job in the place of one that has run. The id was drawn before the lock was taken."""
        job = replace(
            entry.job,
            id=job_id,
            status="created",
            user_id=entry.job.user_id if user_id is None else user_id,
            created_at=self._world.clock.now(),
            started_at=None,
            finished_at=None,
            duration=None,
            artifacts=[],
            artifacts_expire_at=None,
            failure_reason=None,
            allow_failure=entry.chosen.allow_failure,
        )
        entry.job.retried = True
        fresh = Entry(job=job, chosen=entry.chosen, attempts_left=entry.attempts_left, extra=entry.extra)
        board.entries.append(fresh)
        self.entries[job.id] = (board, fresh)
        self.announce(board, job)
        return fresh

    def revive(self, board: Board, entry: Entry) -> None:
        """Bring back the jobs that were skipped because of this one."""
        for other in board.after(entry):
            self.move(board, other, "created")

    def move(self, board: Board, entry: Entry, status: Status) -> None:
        """Give a job its next status; a pending one goes to the pool."""
        entry.job.status = status
        self.announce(board, entry.job)
        if status == "pending":
            self._pool.submit(self._execute, board, entry)

    def process(self, board: Board) -> None:
        """Start whatever may start now, and settle the pipeline's status."""
        while not self.closing and (move := next(board.moves(), None)):
            self.move(board, *move)
        if board.settle(self._world.clock.now()):
            self.announce(board, None)

    def announce(self, board: Board, job: Job | None) -> None:
        """Have `on_change` told of the state as it is now."""
        copy = None if job is None else replace(job, artifacts=list(job.artifacts))
        self._news.put((board.project, replace(board.pipeline), copy))

    def _tell(self) -> None:
        while (news := self._news.get()) is not None:
            try:
                self._world.on_change(*news)
            except Exception:  # noqa: BLE001 - a listener's fault must not silence the rest
                _log.exception("pipeline change was not taken in")

    # Running; in a thread of the pool

    def _execute(self, board: Board, entry: Entry) -> None:
        with self.lock:
            if self.closing or entry.job.status != "pending":
                return
            entry.stop = stop = Stop()
            entry.job.started_at = self._world.clock.now()
            self.move(board, entry, "running")
            self.process(board)
        try:
            result = self._run(board, entry, stop)
        except Exception:  # noqa: BLE001 - whatever broke, the job must not stay `running` for ever
            _log.exception("job could not be run")
            result = Result(status="failed", failure_reason="runner_system_failure")
        job_id = self._world.next_id("job") if result.status == "failed" and entry.attempts_left else None
        with self.lock:
            entry.stop = None
            stop.close()
            self._finish(board, entry, result, job_id)

    def _run(self, board: Board, entry: Entry, stop: Stop) -> Result:
        project, pipeline, job, blueprint = board.project, board.pipeline, entry.job, board.blueprint
        if blueprint is None:
            raise AssertionError("a job comes from a blueprint")
        spec, server = entry.chosen.spec, self._world.server_url()
        with self.lock:
            feeding = board.feeding(entry)
            unpack = [(each.job.name, path) for each in feeding if (path := self.archive(each)) is not None]
            dotenv = {key: value for each in feeding for key, value in each.dotenv.items()}
        token = self._world.mint_job_token(project, job)
        try:
            extra = replace(entry.extra, dotenv=dotenv, id_tokens=self._id_tokens(board, entry))
            timeout = spec.timeout or JOB_TIMEOUT
            builds = str(self._runner.builds_dir(job.id))
            own = predefined.job_variables(
                project, pipeline, job, server=server, token=token, builds=builds, timeout=timeout
            )
            order = Order(
                spec=spec,
                job_id=job.id,
                project_id=project.id,
                full_path=project.full_path,
                repository=project.repository,
                ref=pipeline.ref,
                sha=pipeline.sha,
                api=f"{server}/api/v4",
                token=token,
                variables=job_variables(project, pipeline, blueprint, entry.chosen, job, own=own, extra=extra),
                timeout=timeout,
                unpack=unpack,
                trace=self.folder(job.id) / "trace",
                archive=self.folder(job.id) / "artifacts.zip",
            )
            return self._runner.run(order, stop)
        finally:
            self._world.revoke_job_token(token)

    def _id_tokens(self, board: Board, entry: Entry) -> dict[str, str]:
        if self._world.mint_id_token is None:
            return {}
        return {
            name: self._world.mint_id_token(board.project, board.pipeline, entry.job, audiences)
            for name, audiences in entry.chosen.spec.id_tokens.items()
        }

    def _finish(self, board: Board, entry: Entry, result: Result, next_job_id: int | None) -> None:
        job, spec, now = entry.job, entry.chosen.spec, self._world.clock.now()
        job.finished_at = now
        job.duration = (now - job.started_at).total_seconds() if job.started_at else None
        entry.dotenv = dict(result.dotenv)
        if result.files:
            entry.archive = self.folder(job.id) / "artifacts.zip"
            size = entry.archive.stat().st_size
            job.artifacts.append(
                Artifact(file_type="archive", size=size, filename=result.archive_name, file_format="zip")
            )
            lasting = spec.artifacts.expire_in if spec.artifacts else None
            job.artifacts_expire_at = None if lasting is None else now + timedelta(seconds=lasting)
        trace = self.folder(job.id) / "trace"
        size = trace.stat().st_size if trace.is_file() else 0
        job.artifacts.append(Artifact(file_type="trace", size=size, filename="job.log", file_format=None))
        stopped = job.status == "canceling" or result.status == "canceled"
        status: Status = "canceled" if stopped else "success" if result.status == "success" else "failed"
        if status == "failed":
            job.failure_reason = result.failure_reason
            job.allow_failure = job.allow_failure or result.exit_code in spec.allow_exit_codes
        self.move(board, entry, status)
        if status == "failed" and next_job_id is not None and not self.closing:
            entry.attempts_left -= 1
            self.move(board, self.again(board, entry, job_id=next_job_id, user_id=None), "pending")
        self.process(board)
