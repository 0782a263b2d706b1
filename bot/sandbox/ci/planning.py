"""Makes the board of a new pipeline: its jobs, or the reason why it has none."""

from collections.abc import Callable, Mapping

from bot.sandbox.ci.board import Board, Entry
from bot.sandbox.ci.components import FindProject
from bot.sandbox.ci.creation import base_variables, components, draw, environment_name, read_file
from bot.sandbox.ci.document import SKIP_CI
from bot.sandbox.ci.model import CiError, CiProject, Job, Pipeline
from bot.sandbox.ci.selection import Chosen
from bot.sandbox.ci.source import Source
from bot.sandbox.ci.spec import CiFile


def plan(
    project: CiProject,
    pipeline: Pipeline,
    *,
    server: str,
    username: str,
    inputs: Mapping[str, object] | None,
    signs: bool,
    find_project: FindProject,
    next_id: Callable[[str], int],
) -> Board:
    """The board of a pipeline nothing of which has run; `signs` says whether `id_tokens` can be had.

    A push leaves a trace of what did not work: a refused configuration makes a failed pipeline with `yaml_errors`,
    `[skip ci]` in the commit message a skipped one.

    Raises:
        CiError: no configuration, a refused one (not from a push), or rules that leave no job.
    """
    source = Source(project.repository, pipeline.sha)
    board = Board(project=project, pipeline=pipeline)
    pushed = pipeline.source == "push"
    try:
        base = base_variables(project, pipeline, source, server=server, username=username)
        found = components(project, pipeline, base, find_project)
        file = _checked(read_file(source, project.ci_config_path, inputs, found), signs=signs)
    except CiError as error:
        if not pushed or source.read(project.ci_config_path) is None:
            raise
        pipeline.status, pipeline.yaml_errors = "failed", "\n".join(error.messages)
        pipeline.finished_at = pipeline.created_at
        return board
    if pushed and SKIP_CI.search(source.commit.message):
        pipeline.status, pipeline.finished_at = "skipped", pipeline.created_at
        return board
    board.blueprint = draw(project, pipeline, source, file, base)
    for chosen in sorted(board.blueprint.chosen, key=lambda each: file.stages.index(each.spec.stage)):
        environment = environment_name(project, pipeline, board.blueprint, chosen)
        job = _job(pipeline, chosen, job_id=next_id("job"), environment=environment)
        board.entries.append(Entry(job=job, chosen=chosen, attempts_left=chosen.spec.retry))
    return board


def _job(pipeline: Pipeline, chosen: Chosen, *, job_id: int, environment: str | None) -> Job:
    return Job(
        id=job_id,
        name=chosen.spec.name,
        stage=chosen.spec.stage,
        status="created",
        ref=pipeline.ref,
        tag=pipeline.tag,
        allow_failure=chosen.allow_failure,
        created_at=pipeline.created_at,
        pipeline_id=pipeline.id,
        project_id=pipeline.project_id,
        user_id=pipeline.user_id,
        when=chosen.when,
        environment=environment,
    )


def _checked(file: CiFile, *, signs: bool) -> CiFile:
    unsigned = [] if signs else [job.name for job in file.jobs if job.id_tokens]
    if unsigned:
        raise CiError([f"jobs:{name} config contains unknown keys: id_tokens" for name in unsigned])
    return file
