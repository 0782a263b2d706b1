"""From a request for a pipeline to the jobs it will have, and from a job to the variables it will see."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from bot.sandbox.ci import predefined
from bot.sandbox.ci.components import Components, FindProject
from bot.sandbox.ci.config import read_config
from bot.sandbox.ci.document import FindComponent, no_components
from bot.sandbox.ci.model import CiError, CiProject, Job, Pipeline
from bot.sandbox.ci.selection import Chosen, Trigger, choose, workflow_variables
from bot.sandbox.ci.source import NO_COMMIT, Source
from bot.sandbox.ci.spec import CiFile, JobSpec, YamlVariable
from bot.sandbox.ci.variables import (
    Variable,
    expand,
    expand_all,
    from_request,
    from_yaml,
    settings_variables,
    strongest,
)

MISSING = "Missing CI config file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Blueprint:
    """A pipeline before its jobs exist: the file, the jobs chosen from it, the variables that are the same for all."""

    file: CiFile
    chosen: tuple[Chosen, ...]
    base: tuple[Variable, ...]
    workflow: Mapping[str, YamlVariable]


@dataclass(frozen=True, slots=True, kw_only=True)
class Extra:
    """What a job gets beyond its pipeline: results of earlier jobs, and what the person who played it typed."""

    dotenv: Mapping[str, str] = field(default_factory=dict)
    played: Sequence[Mapping[str, str]] = ()
    id_tokens: Mapping[str, str] = field(default_factory=dict)


def base_variables(
    project: CiProject, pipeline: Pipeline, source: Source, *, server: str, username: str
) -> list[Variable]:
    """The predefined variables that all jobs of a pipeline share."""
    message = source.tag_message(pipeline.ref) if pipeline.tag else ""
    return predefined.pipeline_variables(
        project, pipeline, source.commit, server=server, username=username, tag_message=message
    )


def components(project: CiProject, pipeline: Pipeline, base: Sequence[Variable], find: FindProject) -> Components:
    """What the pipeline may include: addresses may name predefined variables and those of the settings."""
    known = expand_all(strongest([base, _settings(project, pipeline, None)]))
    return Components(variables=known, user_id=pipeline.user_id, find=find)


def read_file(
    source: Source, path: str, inputs: Mapping[str, object] | None, component: FindComponent = no_components
) -> CiFile:
    """The configuration at a commit; `path` is the project's.

    Raises:
        CiError: there is none, or lint refuses it.
    """
    content = source.read(path)
    if content is None:
        raise CiError([MISSING])
    return read_config(content, read=source.read, files=lambda: source.files, inputs=inputs, component=component)


def draw(project: CiProject, pipeline: Pipeline, source: Source, file: CiFile, base: Sequence[Variable]) -> Blueprint:
    """Choose the jobs.

    Raises:
        CiError: the rules leave nothing to run.
    """
    settings = _settings(project, pipeline, None)
    sent = from_request(pipeline.variables)
    shared = file.variables

    def seen(added: Mapping[str, YamlVariable], spec: JobSpec | None) -> Mapping[str, str]:
        own: list[Iterable[Variable]] = [base, from_yaml(shared), from_yaml(added)]
        if spec is not None:
            own = [
                [*base, *predefined.described_job(spec.name, spec.stage, spec.node)],
                from_yaml(_inherited(spec, {**shared, **added})),
                from_yaml(spec.variables),
            ]
        return expand_all(strongest([*own, settings, sent]))

    def trigger(variables: Callable[[JobSpec | None], Mapping[str, str]]) -> Trigger:
        return Trigger(
            ref=pipeline.ref,
            tag=pipeline.tag,
            source=pipeline.source,
            changed=_changed(pipeline, source),
            files=lambda: source.files,
            variables=variables,
        )

    added = workflow_variables(file, trigger(partial(seen, {})))
    return Blueprint(file=file, chosen=choose(file, trigger(partial(seen, added))), base=tuple(base), workflow=added)


def _changed(pipeline: Pipeline, source: Source) -> list[str] | None:
    """Only the push of a known branch is compared. Source: docs of `rules:changes`; `Ci::Pipeline#modified_paths`."""
    if pipeline.tag or pipeline.source != "push" or pipeline.before_sha == NO_COMMIT:
        return None
    return source.changed(pipeline.before_sha)


def _settings(project: CiProject, pipeline: Pipeline, environment: str | None) -> list[Variable]:
    protected = project.protects(pipeline.ref, tag=pipeline.tag)
    return settings_variables(project.ci_variables(), protected_ref=protected, environment=environment)


def _inherited(spec: JobSpec, shared: Mapping[str, YamlVariable]) -> Mapping[str, YamlVariable]:
    if spec.inherit_variables is None:
        return shared
    return {key: value for key, value in shared.items() if key in spec.inherit_variables}


def environment_name(project: CiProject, pipeline: Pipeline, blueprint: Blueprint, chosen: Chosen) -> str | None:
    """The environment of a job, its variables filled in (those of scope `*` only, for the name decides the scope)."""
    spec = chosen.spec
    if spec.environment is None:
        return None
    layers = [
        [*blueprint.base, *predefined.described_job(spec.name, spec.stage, spec.node)],
        *_yaml_layers(blueprint, chosen),
        _settings(project, pipeline, None),
        from_request(pipeline.variables),
    ]
    return expand(spec.environment.name, expand_all(strongest(layers)))


def job_variables(
    project: CiProject,
    pipeline: Pipeline,
    blueprint: Blueprint,
    chosen: Chosen,
    job: Job,
    *,
    own: Sequence[Variable],
    extra: Extra,
) -> dict[str, Variable]:
    """All a job sees, one value a key, unexpanded; `own` is what is predefined for this very job.

    The order is GitLab's: sent with the pipeline > project > closest group > … > root group > instance > dotenv >
    job in the file > global in the file > predefined.
    """
    spec = chosen.spec
    environment: list[Variable] = []
    if spec.environment is not None and job.environment is not None:
        environment = predefined.environment_variables(
            job.environment, url=spec.environment.url, action=spec.environment.action, tier=spec.environment.tier
        )
    return strongest(
        [
            [*blueprint.base, *predefined.described_job(spec.name, spec.stage, spec.node), *own, *environment],
            *_yaml_layers(blueprint, chosen),
            [Variable(key=key, value=value) for key, value in extra.dotenv.items()],
            _settings(project, pipeline, job.environment),
            from_request(pipeline.variables),
            from_request(extra.played),
            [Variable(key=key, value=value, masked=True, raw=True) for key, value in extra.id_tokens.items()],
        ]
    )


def _yaml_layers(blueprint: Blueprint, chosen: Chosen) -> list[list[Variable]]:
    shared = {**blueprint.file.variables, **blueprint.workflow}
    return [
        from_yaml(_inherited(chosen.spec, shared)),
        from_yaml(chosen.spec.variables),
        from_yaml(chosen.variables),
    ]
