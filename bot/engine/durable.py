"""The durable engine: queues that outlive the process. It delivers turns and time slots; what they do is told to it.

It keeps them in a file of its own, for one process, or in a schema of its own on a database that several processes
share; then each takes from the same queues, and one takes over what another left.

Only ids enter its tables, and only words come out. A turn has no steps of the engine's own: what a crash left half done
is seen by looking at the world again, so a checkpoint of an older look would only stand in the way. What the engine
adds to the rows is delivery: one turn a project at a time, each slot once, and an end to what kills us again and again.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

from dbos import DBOS, DBOSConfig, Serializer, SetEnqueueOptions, SetWorkflowID, WorkflowStatus
from dbos import error as errors
from dbos._migration import sqlite_migrations  # the one place that says how new a file may be; see test_durable

from bot.domain.errors import ConfigError
from bot.engine.enginefile import prepare

# Raised when workflows change shape. What an older version left unfinished is forgotten: the rows ask for it anew.
APPLICATION_VERSION = "1"
EXECUTOR = "ropewalk"  # one process on SQLite: always the same, so that a start takes up what the last one left
TURNS, SLOTS = "turns", "schedules"
TURNS_POLLING, SLOTS_POLLING = 0.25, 1.0  # seconds; 0.1 halves the wait for a turn and costs 4 % of a core more
MOST_SLOTS = 4  # jobs at once
MOST_ATTEMPTS = 20  # starts of one turn, each ended by the death of the process
UNFINISHED = ["PENDING", "ENQUEUED", "DELAYED"]
FINISHED = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]
LOST_AFTER = timedelta(seconds=10)  # far more than passes between the claim of a workflow and its begin
BATCH = 50  # rows a transaction: short ones let turns through


class Fate(StrEnum):
    """What became of a turn that was asked for."""

    ASKED = "asked"
    UNDER_WAY = "under way"
    GIVEN_UP = "given up"


class GaveUpError(Exception):
    """How an exception reads once it was stored: its class by name, never its text."""


class _Json(Serializer):
    """Ids and words as JSON; nothing else may be stored."""

    def serialize(self, data: object) -> str:
        """Raises: TypeError for anything but plain values."""
        return json.dumps({"gave_up": type(data).__name__} if isinstance(data, BaseException) else data)

    def deserialize(self, serialized_data: str) -> object:
        """Tuples come back as lists, exceptions as GaveUpError."""
        data = json.loads(serialized_data)
        if isinstance(data, dict) and data.keys() == {"gave_up"}:
            return GaveUpError(data["gave_up"])
        return data

    def name(self) -> str:
        """Stored beside each value."""
        return "ropewalk_json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """A database that others use, too: `pool` makes connections to it, `executor` names this process among them."""

    pool: Callable[[int], object]
    executor: str
    shown: str


class Engine:
    """The one engine of this process, on a file whose lock the process holds, or on a shared database."""

    def __init__(
        self, place: Path | Shared, *, turn: Callable[[str, int], str], slot: Callable[[str], str], workers: int
    ) -> None:
        """`turn` gets a release's key and a turn's number, `slot` a job's name; each returns one word on how it went.

        They may be called again for the same arguments after a crash, and should not raise.
        """
        self._place = place
        self._executor = place.executor if isinstance(place, Shared) else EXECUTOR
        self._workers = workers

        @DBOS.workflow(name="turn", max_recovery_attempts=MOST_ATTEMPTS)
        def run_turn(key: str, number: int) -> str:
            return turn(key, number)

        @DBOS.workflow(name="slot", max_recovery_attempts=MOST_ATTEMPTS)
        def run_slot(job: str) -> str:
            return slot(job)

        self._turn, self._slot = run_turn, run_slot

    def launch(self) -> None:
        """Open the file and begin to deliver, what the last process left first. Raises: ConfigError."""
        logger = logging.getLogger("dbos")
        if not logger.handlers:  # else it adds one of its own that prints past our redaction
            logger.addHandler(logging.NullHandler())
        connections = self._workers + MOST_SLOTS + 4
        config: DBOSConfig = {
            "name": "ropewalk",
            "application_version": APPLICATION_VERSION,
            "executor_id": self._executor,
            "serializer": _Json(),
            "log_level": "WARNING",
            "max_executor_threads": self._workers + MOST_SLOTS + 2,  # two for the engine's own errands
            "sys_db_pool_size": connections,
        }
        if isinstance(self._place, Shared):
            config["system_database_engine"] = self._place.pool(connections)  # type: ignore[typeddict-item]  # an Engine
        else:
            prepare(self._place, len(sqlite_migrations))
            config["system_database_url"] = f"sqlite:///{self._place}"
        DBOS(config=config)
        self._launch()
        DBOS.register_queue(
            TURNS,
            worker_concurrency=self._workers,
            partition_concurrency=1,
            polling_interval_sec=TURNS_POLLING,
            on_conflict="always_update",
        )
        DBOS.register_queue(
            SLOTS, worker_concurrency=MOST_SLOTS, polling_interval_sec=SLOTS_POLLING, on_conflict="always_update"
        )
        if not isinstance(self._place, Shared):  # one process owns the file, so nobody else will take these up
            _forget([one.workflow_id for one in _list(UNFINISHED) if not _ours(one)])

    def _launch(self) -> None:
        try:
            DBOS.launch()
        except Exception as error:  # whatever the engine or its driver raise: the start ends here, and says why
            if not isinstance(self._place, Shared):
                raise
            said = " ".join(str(getattr(error, "orig", error)).split())[:300]
            what = f"the engine cannot work on it: {said}"
            raise ConfigError(
                what=what, where=self._place.shown, remedy="See docs/replicas.md for its rights"
            ) from None

    def adopt(self, living: Collection[str], taken: Collection[str]) -> int:
        """Put back what processes that live no longer had begun; returns how much that was.

        `living` are the executors that live, `taken` the versions of the work they take: what was asked for in another
        version nobody will ever take, and the rows ask for it anew. Several processes may do this at once.
        """
        left = [one for one in _list(["PENDING"]) if one.executor_id not in living]
        dead = sorted({one.executor_id for one in left if one.executor_id and one.app_version == APPLICATION_VERSION})
        adopted = len(DBOS._recover_pending_workflows(dead)) if dead else 0
        stranded = [one for one in _list(UNFINISHED) if one.app_version not in taken]
        _forget([one.workflow_id for one in stranded if one.status != "PENDING" or one.executor_id not in living])
        return adopted

    def ask(self, project_id: int, key: str, number: int) -> Fate:
        """Ask for turn `number` of a release, behind what its project has under way. Asked twice it is one turn.

        A turn that ended without its row being written, so that it is asked for again, begins anew; one that killed
        the process too often does not.
        """
        name = f"turn:{key}:{number}"
        for _ in range(2):
            try:
                with SetWorkflowID(name, workflow_id_reuse_policy="reject"), _partition(project_id):
                    DBOS.enqueue_workflow(TURNS, self._turn, key, number)
                return Fate.ASKED
            except errors.DBOSWorkflowIDInUseError:
                there = next(iter(_list(None, ids=[name])), None)
            if there is not None and there.status in UNFINISHED:
                return Fate.UNDER_WAY
            if there is not None and there.status == "MAX_RECOVERY_ATTEMPTS_EXCEEDED":
                return Fate.GIVEN_UP
            _forget([name])
        return Fate.UNDER_WAY  # somebody else asks for it at this moment

    def slot(self, job: str, at: datetime) -> bool:
        """Run a job for the slot that began `at`, once for all who ask; False if the job's last run is not over."""
        moment = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        try:
            with SetWorkflowID(f"sched-{job}-{moment}"), SetEnqueueOptions(deduplication_id=job):
                DBOS.enqueue_workflow(SLOTS, self._slot, job)
        except errors.DBOSQueueDeduplicatedError:
            return False
        return True

    def release_lost(self, turns: Collection[str], jobs: Collection[str], now: datetime) -> int:
        """Forget what counts as running but is not, because its end could not be written; returns how many.

        Else its project would stay closed, and its job be left out, until the next start. `turns` are the keys of
        releases in turn here, `jobs` the names of jobs at work here.
        """
        if isinstance(self._place, Shared):
            now = datetime.now(UTC)  # by which this process noted when it took them; `now` is the shared clock's
        before = (now - LOST_AFTER).timestamp() * 1000
        at_work = (*(f"turn:{key}:" for key in turns), *(f"sched-{job}-" for job in jobs))
        lost = [
            one.workflow_id
            for one in _list(["PENDING"])
            if one.queue_name in (TURNS, SLOTS) and one.executor_id == self._executor
            if (one.dequeued_at or 0) < before and not one.workflow_id.startswith(at_work)
        ]
        _forget(lost)
        return len(lost)

    def clean(self, before: datetime) -> int:
        """Delete what was asked for before a moment and has ended, in short transactions; returns how many."""
        deleted = 0
        while ended := [
            one.workflow_id for one in _list(FINISHED, begun_before=before.astimezone(UTC).isoformat(), limit=BATCH)
        ]:
            DBOS.delete_workflows(ended)
            deleted += len(ended)
        return deleted

    def close(self) -> None:
        """Deliver no more. What is still at work is delivered again by the next process."""
        DBOS.destroy(destroy_registry=True)


def _partition(project_id: int) -> SetEnqueueOptions:
    """The partition a turn belongs to. Without one it would stay in the queue for ever, and nobody would say so."""
    return SetEnqueueOptions(queue_partition_key=str(project_id))


def _ours(one: WorkflowStatus) -> bool:
    """Whether the one process of a file will take it up."""
    owner = one.executor_id in (None, EXECUTOR)
    return owner and one.app_version == APPLICATION_VERSION and one.queue_name in (TURNS, SLOTS)


def _list(
    status: list[str] | None,
    *,
    ids: list[str] | None = None,
    begun_before: str | None = None,
    limit: int | None = None,
) -> list[WorkflowStatus]:
    return DBOS.list_workflows(
        workflow_ids=ids,
        status=status,
        end_time=begun_before,
        limit=limit,
        load_input=False,
        load_output=False,
    )


def _forget(names: list[str]) -> None:
    for start in range(0, len(names), BATCH):
        DBOS.delete_workflows(names[start : start + BATCH])
