"""Reads a resolved configuration into a `CiFile`, or refuses it as GitLab's lint would."""

from collections.abc import Mapping
from typing import Final, cast

from bot.sandbox.ci import entries
from bot.sandbox.ci.document import (
    FindComponent,
    ListFiles,
    ReadFile,
    is_hidden,
    is_reserved,
    no_components,
    resolve,
)
from bot.sandbox.ci.fields import Lint, choice, commands, duration, known, mapping, strings, text, variables
from bot.sandbox.ci.model import CiError, When
from bot.sandbox.ci.parallel import expanded, rows
from bot.sandbox.ci.spec import DEFAULT_STAGES, POST, PRE, CiFile, JobSpec, Rule

_WHEN: Final = ("on_success", "on_failure", "always", "manual", "never")
_IGNORED: Final = ("image", "services", "cache", "tags", "interruptible", "coverage", "resource_group")
_DEFAULTS: Final = (
    "before_script", "after_script", "artifacts", "retry", "timeout", "id_tokens",
    "image", "services", "cache", "tags", "interruptible",
)  # fmt: skip
_REFS: Final = ["branches", "tags"]  # what a job without rules runs for
_JOB: Final = (
    "stage", "script", "before_script", "after_script", "variables", "artifacts", "rules", "only", "except", "when",
    "allow_failure", "needs", "dependencies", "environment", "retry", "timeout", "extends", "inherit", "id_tokens",
    "release", "parallel", *_IGNORED,
)  # fmt: skip


def read_config(
    content: str,
    *,
    read: ReadFile,
    files: ListFiles,
    inputs: Mapping[str, object] | None = None,
    component: FindComponent = no_components,
) -> CiFile:
    """The configuration in `content`.

    Raises:
        CiError: one sentence for each thing GitLab's lint, or this runner, would refuse.
    """
    whole = resolve(content, inputs=inputs or {}, read=read, files=files, component=component)
    lint = Lint()
    stages = _stages(whole.get("stages"), lint)
    defaults = _defaults(whole, lint)
    head = whole.get("workflow")
    ruled = isinstance(head, dict) and "rules" in head
    jobs: list[JobSpec] = []
    for name, node in whole.items():
        if is_hidden(name) or is_reserved(name):
            continue
        if not isinstance(node, dict):
            lint.refuse(f"jobs:{name}", "config should implement the script:, run:, or trigger: keyword")
            continue
        jobs.append(_job(name, node, defaults, lint, ruled=ruled))
    if not jobs:
        lint.refuse("jobs", "config should contain at least one visible job")
    workflow = _workflow(head, lint)
    shared = variables(whole["variables"], "variables", lint) if "variables" in whole else {}
    jobs = expanded(jobs)
    if not lint.errors:
        _check_order(jobs, stages, lint)
    if lint.errors:
        raise CiError(lint.errors)
    return CiFile(stages=stages, variables=shared, workflow=workflow, jobs=tuple(jobs))


def _stages(node: object, lint: Lint) -> tuple[str, ...]:
    named = DEFAULT_STAGES if node is None else strings(node, "stages", lint)
    return (PRE, *(stage for stage in dict.fromkeys(named) if stage not in (PRE, POST)), POST)


def _defaults(whole: Mapping[str, object], lint: Lint) -> Mapping[str, object]:
    own = mapping(whole["default"], "default", lint) if "default" in whole else {}
    known(own, _DEFAULTS, "default", lint)
    old = {key: whole[key] for key in _DEFAULTS if key in whole and is_reserved(key)}
    twice = [key for key in old if key in own]
    if twice:
        lint.refuse(twice[0], "is defined in top-level and `default:` entry")
    return {**old, **own}


def _workflow(node: object, lint: Lint) -> tuple[Rule, ...] | None:
    if node is None:
        return None
    entry = mapping(node, "workflow", lint)
    known(entry, ("rules", "name", "auto_cancel"), "workflow", lint)
    return entries.rules(entry["rules"], "workflow", lint, workflow=True) if "rules" in entry else None


def _job(name: str, own: Mapping[str, object], defaults: Mapping[str, object], lint: Lint, *, ruled: bool) -> JobSpec:
    """One job. Where the workflow has rules (`ruled`) it has no `only` of its own accord: it runs whenever they allow.

    Source: lib/gitlab/ci/config/entry/processable.rb, `compose!`.
    """
    where = f"jobs:{name}"
    known(own, _JOB, where, lint)
    inherit = mapping(own.get("inherit", {}), f"{where}:inherit", lint)
    known(inherit, ("default", "variables"), f"{where}:inherit", lint)
    node = {**_inherited(inherit.get("default", True), defaults), **own}
    if not own.get("script"):
        present = "script" in own
        lint.refuse(
            where,
            "script can't be blank" if present else "config should implement the script:, run:, or trigger: keyword",
        )
    if "rules" in own:
        mixed = [key for key in ("only", "except") if key in own]
        if mixed:
            lint.refuse(where, f"config key may not be used with `rules`: {', '.join(mixed)}")
    artifacts, unread = entries.artifacts(node["artifacts"], where, lint) if "artifacts" in node else (None, ())
    allowed, codes = (
        entries.allow_failure(node["allow_failure"], where, lint)
        if "allow_failure" in node
        else (None, frozenset[int]())
    )
    ref_rules = "rules" not in node
    return JobSpec(
        name=name,
        stage=text(node.get("stage", "test"), f"{where} stage", lint),
        script=commands(node.get("script", []), f"{where}:script", lint),
        before_script=commands(node.get("before_script", []), f"{where}:before_script", lint),
        after_script=commands(node.get("after_script", []), f"{where}:after_script", lint),
        variables=variables(node["variables"], f"{where}:variables", lint) if "variables" in node else {},
        inherit_variables=_inherited_variables(inherit.get("variables", True), where, lint),
        rules=entries.rules(node["rules"], where, lint) if "rules" in node else None,
        only=entries.ref_filter(node.get("only", _REFS), f"{where}:only", lint)
        if ref_rules and ("only" in node or not ruled)
        else None,
        except_=entries.ref_filter(node["except"], f"{where}:except", lint) if "except" in node and ref_rules else None,
        when=cast("When", choice(node.get("when", "on_success"), _WHEN, f"{where} when", lint)),
        allow_failure=allowed,
        allow_exit_codes=codes,
        needs=entries.needs(node["needs"], where, lint) if "needs" in node else None,
        dependencies=_dependencies(node.get("dependencies"), where, lint),
        environment=entries.environment(node["environment"], where, lint) if "environment" in node else None,
        artifacts=artifacts,
        retry=entries.retry(node["retry"], where, lint) if "retry" in node else 0,
        timeout=duration(node["timeout"], f"{where} timeout", lint) if "timeout" in node else None,
        id_tokens=entries.id_tokens(node["id_tokens"], where, lint) if "id_tokens" in node else {},
        release=entries.release(node["release"], where, lint) if "release" in node else None,
        parallel=rows(node["parallel"], where, lint) if "parallel" in node else (),
        ignored=(*(key for key in _IGNORED if key in node), *unread),
    )


def _inherited(choice_: object, defaults: Mapping[str, object]) -> Mapping[str, object]:
    if isinstance(choice_, list):
        return {key: value for key, value in defaults.items() if key in choice_}
    return defaults if choice_ is not False else {}


def _inherited_variables(node: object, where: str, lint: Lint) -> tuple[str, ...] | None:
    if isinstance(node, bool):
        return None if node else ()
    return strings(node, f"{where}:inherit:variables", lint)


def _dependencies(node: object, where: str, lint: Lint) -> tuple[str, ...] | None:
    return None if node is None else strings(node, f"{where} dependencies", lint)


def _check_order(jobs: list[JobSpec], stages: tuple[str, ...], lint: Lint) -> None:
    by_name = {job.name: job for job in jobs}
    for job in jobs:
        if job.stage not in stages:
            lint.refuse(
                f"{job.name} job:", f"chosen stage {job.stage} does not exist; available stages are {', '.join(stages)}"
            )
            continue
        for kind, wanted in (
            ("need", [need.job for need in job.needs or () if not need.optional or need.job in by_name]),
            ("dependency", list(job.dependencies or ())),
        ):
            _check_earlier(job, kind, wanted, by_name, stages, lint)
    cycle = None if lint.errors else _cycle(by_name)
    if cycle:
        lint.refuse("The pipeline has circular dependencies:", " -> ".join(cycle))


def _check_earlier(
    job: JobSpec, kind: str, wanted: list[str], by_name: Mapping[str, JobSpec], stages: tuple[str, ...], lint: Lint
) -> None:
    for name in wanted:
        earlier = by_name.get(name)
        if earlier is None:
            lint.refuse(f"{job.name} job:", f"undefined {kind}: {name}")
        elif earlier.stage in stages and stages.index(earlier.stage) > stages.index(job.stage):
            plural = "is not defined in current or prior stages"
            lint.refuse(f"{job.name} job:", f"{kind} {name} {plural}")


def _cycle(by_name: Mapping[str, JobSpec]) -> list[str] | None:
    done: set[str] = set()

    def visit(name: str, path: list[str]) -> list[str] | None:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done or name not in by_name:
            return None
        for need in by_name[name].needs or ():
            if found := visit(need.job, [*path, name]):
                return found
        done.add(name)
        return None

    for name in by_name:
        if found := visit(name, []):
            return found
    return None
