"""Decides from `rules`, `only` and `except` which jobs a pipeline gets, and how each of them starts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bot.sandbox.ci.expressions import compile_pattern, truthful
from bot.sandbox.ci.globs import compile_glob
from bot.sandbox.ci.model import CiError, When
from bot.sandbox.ci.spec import POST, PRE, CiFile, JobSpec, RefFilter, Rule, YamlVariable

EMPTY = (
    "Pipeline will not run for the selected trigger. "
    "The rules configuration prevented any jobs from being added to the pipeline."
)
FILTERED = "Pipeline filtered out by workflow rules."

_SOURCES = {
    "api": "api", "pushes": "push", "schedules": "schedule", "triggers": "trigger", "web": "web",
    "pipelines": "pipeline", "external": "external", "chat": "chat", "merge_requests": "merge_request_event",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """Why a pipeline starts. `changed` is None where GitLab compares nothing (tags, new branches, the API).

    `variables` gives what an `if` sees, already expanded: of one job, or of the workflow (None).
    """

    ref: str
    tag: bool
    source: str
    changed: Sequence[str] | None
    files: Callable[[], Sequence[str]]
    variables: Callable[[JobSpec | None], Mapping[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A job of the pipeline: how it starts, whether it may fail, and the variables its rule added."""

    spec: JobSpec
    when: When
    allow_failure: bool
    variables: Mapping[str, YamlVariable]


def workflow_variables(file: CiFile, trigger: Trigger) -> Mapping[str, YamlVariable]:
    """Variables the matching workflow rule adds.

    Raises:
        CiError: `workflow: rules` want no pipeline.
    """
    if file.workflow is None:
        return {}
    rule = _first(file.workflow, trigger, trigger.variables(None))
    if rule is None or rule.when == "never":
        raise CiError([FILTERED])
    return rule.variables


def choose(file: CiFile, trigger: Trigger) -> tuple[Chosen, ...]:
    """The jobs of the pipeline, in the order of the file.

    Raises:
        CiError: no job is left, or one needs a job that is not there.
    """
    chosen = tuple(found for spec in file.jobs if (found := _choose_one(spec, trigger)) is not None)
    if not any(each.spec.stage not in (PRE, POST) for each in chosen):
        raise CiError([EMPTY])
    names = {each.spec.name for each in chosen}
    missing = [
        f"'{each.spec.name}' job needs '{need.job}' job, but '{need.job}' does not exist in the pipeline. "
        "This might be because of the only, except, or rules keywords. "
        "To need a job that sometimes does not exist in the pipeline, use needs:optional."
        for each in chosen
        for need in each.spec.needs or ()
        if need.job not in names and not need.optional
    ]
    if missing:
        raise CiError(missing)
    return chosen


def _choose_one(spec: JobSpec, trigger: Trigger) -> Chosen | None:
    variables = trigger.variables(spec)
    if spec.rules is not None:
        rule = _first(spec.rules, trigger, variables)
        when = (rule.when or spec.when) if rule else "never"
        if rule is None or when == "never":
            return None
        allowed = spec.may_fail if rule.allow_failure is None else rule.allow_failure
        return Chosen(spec=spec, when=when, allow_failure=allowed, variables=rule.variables)
    if spec.when == "never":
        return None
    if spec.only is not None and not all(_satisfied(spec.only, trigger, variables, default=("branches", "tags"))):
        return None
    if spec.except_ is not None and any(_satisfied(spec.except_, trigger, variables, default=None)):
        return None
    return Chosen(spec=spec, when=spec.when, allow_failure=spec.may_fail, variables={})


def _first(rules: Sequence[Rule], trigger: Trigger, variables: Mapping[str, str]) -> Rule | None:
    return next((rule for rule in rules if _holds(rule, trigger, variables)), None)


def _holds(rule: Rule, trigger: Trigger, variables: Mapping[str, str]) -> bool:
    if rule.condition is not None and not truthful(rule.condition, variables):
        return False
    if rule.changes is not None and not _changed(rule.changes, trigger):
        return False
    return rule.exists is None or _any_match(rule.exists, trigger.files())


def _changed(patterns: Sequence[str], trigger: Trigger) -> bool:
    return trigger.changed is None or _any_match(patterns, trigger.changed)


def _any_match(patterns: Sequence[str], paths: Sequence[str]) -> bool:
    return any(compile_glob(pattern).fullmatch(path) for pattern in patterns for path in paths)


def _satisfied(
    policy: RefFilter, trigger: Trigger, variables: Mapping[str, str], *, default: tuple[str, ...] | None
) -> list[bool]:
    """One answer for each part the policy names."""
    refs = policy.refs if policy.refs is not None else default
    answers = [] if refs is None else [any(_ref_matches(ref, trigger) for ref in refs)]
    if policy.variables:
        answers.append(any(truthful(tree, variables) for tree in policy.variables))
    if policy.changes is not None:
        answers.append(_changed(policy.changes, trigger))
    return answers


def _ref_matches(wanted: str, trigger: Trigger) -> bool:
    """Source: gitlabhq `lib/gitlab/ci/build/policy/refs.rb`."""
    merge_request = trigger.source == "merge_request_event"
    if wanted == "branches":
        return not trigger.tag and not merge_request
    if wanted == "tags":
        return trigger.tag
    if wanted in _SOURCES:
        return trigger.source == _SOURCES[wanted]
    if merge_request:
        return False
    name = wanted.partition("@")[0]
    if name.startswith("/"):
        return compile_pattern(name).search(trigger.ref) is not None
    return name == trigger.ref
