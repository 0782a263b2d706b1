"""All pipelines of an organisation: created from pushes and requests, run by a bounded pool of threads."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from bot.sandbox.ci.board import Board
from bot.sandbox.ci.components import FindProject
from bot.sandbox.ci.execution import Execution, MintIdToken, World
from bot.sandbox.ci.model import COMPLETED, RETRYABLE, CiError, CiProject, Clock, Job, Pipeline
from bot.sandbox.ci.planning import plan
from bot.sandbox.ci.runner import Runner


class Pipelines:
    """Creates pipelines and runs their jobs.

    Thread safe. The `Pipeline` and `Job` objects it returns are live: they change while jobs run. `on_change` is
    called from one thread of its own, in the order things happened and with no lock held, with copies that show the
    state at that moment; the job is None where the pipeline itself changed. `next_id` is asked for `"pipeline"` and
    `"job"`. `id_tokens` are refused unless `mint_id_token` is given. `throttled` counts
    what is created by project, user and commit, and says when it is one too many.
    `find_project` finds the projects whose components are included.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        server_url: Callable[[], str],
        workdir: Path,
        forced_environment: Mapping[str, str],
        max_jobs: int,
        mint_job_token: Callable[[CiProject, Job], str],
        revoke_job_token: Callable[[str], None],
        on_change: Callable[[CiProject, Pipeline, Job | None], None],
        next_id: Callable[[str], int],
        mint_id_token: MintIdToken | None = None,
        throttled: Callable[[int, int, str], bool] = lambda *_: False,
        find_project: FindProject = lambda *_: None,
    ) -> None:
        self._throttled = throttled
        self._find_project = find_project
        self._world = World(
            clock=clock,
            server_url=server_url,
            mint_job_token=mint_job_token,
            revoke_job_token=revoke_job_token,
            mint_id_token=mint_id_token,
            on_change=on_change,
            next_id=next_id,
        )
        runner = Runner(workdir, forced_environment)
        self._execution = Execution(self._world, workdir=workdir, runner=runner, max_jobs=max_jobs)
        self._lock = self._execution.lock
        self._boards: dict[int, Board] = {}
        self._by_project: dict[int, list[Board]] = {}
        self._iids: dict[int, int] = {}

    # Creating

    def create(
        self,
        project: CiProject,
        *,
        ref: str,
        tag: bool,
        sha: str,
        before_sha: str,
        source: str,
        user_id: int,
        username: str,
        variables: Iterable[Mapping[str, str]] = (),
        inputs: Mapping[str, object] | None = None,
        merge_request_iid: int | None = None,
    ) -> Pipeline:
        """Create a pipeline for a commit and start it. `variables` have `key`, `value` and perhaps `variable_type`.

        A push leaves a trace of what did not work: a refused configuration becomes a failed pipeline with
        `yaml_errors`, `[skip ci]` in the commit message a skipped one.

        Raises:
            CiError: no configuration, a refused one (not from a push), rules that leave no job, or too many.
                Source: lib/gitlab/ci/pipeline/chain/limit/rate_limit.rb.
        """
        if self._throttled(project.id, user_id, sha):
            raise CiError(["Too many pipelines created in the last minute. Try again later."])
        now = self._world.clock.now()
        with self._lock:
            iid = self._iids[project.id] = self._iids.get(project.id, 0) + 1
        pipeline = Pipeline(
            id=self._world.next_id("pipeline"),
            iid=iid,
            project_id=project.id,
            ref=ref,
            tag=tag,
            sha=sha,
            before_sha=before_sha,
            source=source,
            status="created",
            user_id=user_id,
            created_at=now,
            updated_at=now,
            variables=[{"variable_type": "env_var", **each} for each in variables],
            merge_request_iid=merge_request_iid,
        )
        board = plan(
            project,
            pipeline,
            server=self._world.server_url(),
            username=username,
            inputs=inputs,
            signs=self._world.mint_id_token is not None,
            find_project=self._find_project,
            next_id=self._world.next_id,
        )
        with self._lock:
            self._refuse_when_closed()
            self._by_project.setdefault(project.id, []).append(board)
            self._boards[pipeline.id] = board
            self._execution.entries |= {entry.job.id: (board, entry) for entry in board.entries}
            self._execution.announce(board, None)
            self._execution.process(board)
        return pipeline

    # Looking

    def pipelines(self, project_id: int) -> list[Pipeline]:
        """Pipelines of a project, newest first."""
        with self._lock:
            return [board.pipeline for board in reversed(self._by_project.get(project_id, []))]

    def pipeline(self, project_id: int, pipeline_id: int) -> Pipeline | None:
        """One pipeline, None if the project has no such one."""
        with self._lock:
            board = self._boards.get(pipeline_id)
            return board.pipeline if board and board.project.id == project_id else None

    def jobs(self, pipeline_id: int, include_retried: bool = False) -> list[Job]:
        """Jobs of a pipeline in order of their ids; empty for an unknown one."""
        with self._lock:
            board = self._boards.get(pipeline_id)
            entries = [] if board is None else board.entries if include_retried else board.latest()
            return sorted((entry.job for entry in entries), key=lambda job: job.id)

    def job(self, project_id: int, job_id: int) -> Job | None:
        """One job, None if the project has no such one."""
        with self._lock:
            found = self._execution.entries.get(job_id)
            return found[1].job if found and found[1].job.project_id == project_id else None

    def project_jobs(self, project_id: int) -> list[Job]:
        """All jobs of a project, retried ones included, newest first."""
        with self._lock:
            jobs = [entry.job for board in self._by_project.get(project_id, []) for entry in board.entries]
            return sorted(jobs, key=lambda job: -job.id)

    def trace(self, job: Job) -> bytes:
        """The job's log so far, secrets masked; empty before it has started."""
        path = self._execution.folder(job.id) / "trace"
        return path.read_bytes() if path.is_file() else b""

    def artifacts_path(self, job: Job) -> Path | None:
        """The zip of the job's artifacts; None if there are none, or they have expired."""
        with self._lock:
            return self._execution.archive(self._execution.entries[job.id][1])

    # Steering

    def play(self, job: Job, variables: Iterable[Mapping[str, str]] = (), user_id: int | None = None) -> Job:
        """Start a manual job; one that has already run is tried again. Returns the job that will run.

        Raises:
            CiError: `Unplayable Job`.
        """
        if job.when == "manual" and job.status in RETRYABLE and not job.retried:
            return self.retry(job, user_id=user_id)
        with self._lock:
            self._refuse_when_closed()
            board, entry = self._execution.entries[job.id]
            if entry.job.status != "manual":
                raise CiError(["Unplayable Job"])
            entry.job.user_id = entry.job.user_id if user_id is None else user_id
            entry.extra = replace(entry.extra, played=[{"variable_type": "env_var", **each} for each in variables])
            self._execution.move(board, entry, "pending")
            self._execution.process(board)
            return entry.job

    def retry(self, job: Job, user_id: int | None = None) -> Job:
        """Run a finished job again under a new id; later jobs that were skipped because of it get their turn again.

        Raises:
            CiError: `Job is not retryable`.
        """
        job_id = self._world.next_id("job")
        with self._lock:
            self._refuse_when_closed()
            board, entry = self._execution.entries[job.id]
            if entry.job.status not in RETRYABLE or entry.job.retried:
                raise CiError(["Job is not retryable"])
            fresh = self._execution.again(board, entry, job_id=job_id, user_id=user_id)
            self._execution.move(board, fresh, "pending")
            self._execution.revive(board, fresh)
            self._execution.process(board)
            return fresh.job

    def cancel(self, job: Job) -> None:
        """Stop a job; one that is over, or waits for a person, stays as it is."""
        with self._lock:
            board, entry = self._execution.entries[job.id]
            self._execution.cancel(board, entry)
            self._execution.process(board)

    def cancel_pipeline(self, pipeline: Pipeline) -> None:
        """Stop every job that runs or would still run by itself."""
        with self._lock:
            board = self._boards[pipeline.id]
            for entry in board.latest():
                self._execution.cancel(board, entry)
            self._execution.process(board)

    def retry_pipeline(self, pipeline: Pipeline, user_id: int | None = None) -> None:
        """Run the failed and canceled jobs again, and what was skipped after them."""
        wanted = [job.id for job in self.jobs(pipeline.id) if job.status in ("failed", "canceled")]
        fresh_ids = {number: self._world.next_id("job") for number in wanted}
        with self._lock:
            self._refuse_when_closed()
            board = self._boards[pipeline.id]
            for entry in board.latest():
                if entry.job.id in fresh_ids and entry.job.status in ("failed", "canceled"):
                    number = fresh_ids[entry.job.id]
                    fresh = self._execution.again(board, entry, job_id=number, user_id=user_id)
                    self._execution.revive(board, fresh)
            self._execution.process(board)

    def drop_artifacts(self, job: Job) -> None:
        """The job's artifacts are gone."""
        with self._lock:
            _, entry = self._execution.entries[job.id]
            entry.archive, entry.job.artifacts, entry.job.artifacts_expire_at = None, [], None

    def erase(self, job: Job) -> None:
        """Drop the artifacts and the trace of a finished job.

        Raises:
            CiError: `Job is not erasable!`: it is not over, or was erased before.
        """
        with self._lock:
            _, entry = self._execution.entries[job.id]
            if entry.job.status not in COMPLETED or entry.job.erased_at is not None:
                raise CiError(["Job is not erasable!"])
            self.drop_artifacts(job)
            (self._execution.folder(job.id) / "trace").unlink(missing_ok=True)
            entry.job.erased_at = self._world.clock.now()

    def close(self) -> None:
        """Stop everything; returns once no job, and nothing a job started, is left."""
        self._execution.close()

    def _refuse_when_closed(self) -> None:
        if self._execution.closing:
            raise CiError(["The runner is shutting down"])
