"""In which pipelines a job runs, as far as the CI file alone can tell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum

from bot.domain.ci import CiFacts, CiJob, CiRule
from bot.hygiene.conditions import OPEN, Answer, Outside, Value, holds, matches


class Chance(IntEnum):
    """Whether a job runs; ordered, so that the worst of several is their maximum."""

    NO = 0
    OPEN = 1
    YES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """A pipeline that somebody may cause. `source` is GitLab's word; a merge request's runs for its source branch.

    With `outside` it is one of any ref that these wildcards do not cover, and `ref` says so in words; `others` are the
    wildcards of the other kind of ref, which count where a condition does not say which kind it names.
    """

    source: str
    ref: str
    tag: bool = False
    protected: bool = False
    default_branch: str = "main"
    outside: tuple[str, ...] | None = None
    others: tuple[str, ...] = ()

    @property
    def name(self) -> str | Outside:
        """What is known of the ref's name where a tag or a branch may be meant."""
        return self.ref if self.outside is None else Outside((*self.outside, *self.others))

    @property
    def own_name(self) -> str | Outside:
        """The same where its own kind is meant."""
        return self.ref if self.outside is None else Outside(self.outside)

    @property
    def for_merge_request(self) -> bool:
        """Whether it belongs to a merge request."""
        return self.source == "merge_request_event"

    def known(self) -> dict[str, Value]:
        """The predefined variables that rules ask for; any other may be anything."""
        merge_request: Value = "1" if self.for_merge_request else None
        branch = None if self.tag or self.for_merge_request else self.own_name
        names = (
            "ID",
            "IID",
            "SOURCE_BRANCH_NAME",
            "TARGET_BRANCH_NAME",
            "EVENT_TYPE",
            "PROJECT_PATH",
            "LABELS",
            "TITLE",
        )
        found: dict[str, Value] = {f"CI_MERGE_REQUEST_{name}": OPEN if merge_request else None for name in names}
        return found | {
            "CI": "true",
            "GITLAB_CI": "true",
            "CI_PIPELINE_SOURCE": self.source,
            "CI_COMMIT_REF_NAME": self.name,
            "CI_COMMIT_BRANCH": branch,
            "CI_COMMIT_TAG": self.own_name if self.tag else None,
            "CI_DEFAULT_BRANCH": self.default_branch,
            "CI_COMMIT_REF_PROTECTED": "true" if self.protected else "false",
            "CI_MERGE_REQUEST_ID": merge_request,
            "CI_MERGE_REQUEST_IID": merge_request,
            "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": self.own_name if self.for_merge_request else None,
            "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": self.default_branch if self.for_merge_request else None,
        }


# Names that nobody protects by pattern, and all the ways in which a developer starts a pipeline for one.
_BRANCHES = ("some-change", "feature/some-change", "fix-1")
_SOURCES = ("push", "web", "schedule", "api", "trigger")
ANY_BRANCH = tuple(Pipeline(source=source, ref=branch) for branch in _BRANCHES for source in _SOURCES)
ANY_MERGE_REQUEST = tuple(Pipeline(source="merge_request_event", ref=branch) for branch in _BRANCHES)


def chance_in_any(ci: CiFacts, job: CiJob, pipelines: Iterable[Pipeline]) -> Chance:
    """Whether any of these pipelines runs the job."""
    return max((chance(ci, job, pipeline) for pipeline in pipelines), default=Chance.NO)


def chance(ci: CiFacts, job: CiJob, pipeline: Pipeline) -> Chance:
    """Whether this pipeline runs the job; a manual job counts as run, and `changes` as something one can change."""
    known = pipeline.known()
    whole = Chance.YES if ci.workflow is None else _by_rules(ci.workflow, known)
    own = _by_rules(job.gates, known) if job.gates is not None else _by_refs(job, pipeline, known)
    return min(whole, own)


def _by_rules(rules: Iterable[CiRule], known: dict[str, Value]) -> Chance:
    """The first rule that holds decides; none means no."""
    outcomes: set[bool] = set()
    for rule in rules:
        runs = rule.when != "never"
        answer: Answer = True if rule.condition is None else holds(rule.condition, known)
        if answer is True and rule.narrowed and not runs:
            continue  # who wants the job to run leaves those files alone
        if answer is not False:
            outcomes.add(runs)
        if answer is True:
            break
    else:
        outcomes.add(False)
    return Chance.OPEN if len(outcomes) == 2 else Chance.YES if True in outcomes else Chance.NO


def _by_refs(job: CiJob, pipeline: Pipeline, known: dict[str, Value]) -> Chance:
    """`only` and `except`; without either, branches and tags."""
    only = [_any(_refs(job.only if job.only is not None else ("branches", "tags"), pipeline))]
    if job.only_if is not None:
        only.append(_any(holds(condition, known) for condition in job.only_if))
    excepts = [
        _any(_refs(job.excepts or (), pipeline)),
        _any(holds(condition, known) for condition in job.except_if or ()),
    ]
    if False in only or True in excepts:
        return Chance.NO
    return Chance.OPEN if None in only or None in excepts else Chance.YES


# What `only` and `except` know besides names of refs.
KEYWORDS = frozenset({"tags", "branches", "merge_requests", "external_pull_requests"}) | {
    f"{source}{ending}"
    for source in ("push", "web", "schedule", "api", "trigger", "pipeline", "chat", "external")
    for ending in ("", "s", "es")
}


def _refs(patterns: tuple[str, ...], pipeline: Pipeline) -> Iterator[Answer]:
    """Source: gitlabhq, lib/gitlab/ci/build/policy/refs.rb."""
    source = pipeline.source.removesuffix("_event")
    for pattern in patterns:
        name = pattern.partition("@")[0]
        if name in (source, f"{source}s", f"{source}es"):
            yield True
        elif pipeline.for_merge_request:
            yield False  # names and patterns count for branches and tags only
        elif name.startswith("/"):
            yield pipeline.name.found_by(name) if isinstance(pipeline.name, Outside) else matches(name, pipeline.ref)
        elif name == ("tags" if pipeline.tag else "branches"):
            yield True
        elif isinstance(pipeline.name, Outside):
            # A branch may be called `tags`; who does that wants to be surprised.
            yield None if name not in KEYWORDS and pipeline.name.may_be(name) else False
        else:
            yield name == pipeline.ref


def _any(answers: Iterable[Answer]) -> Answer:
    found = set(answers)
    return True if True in found else None if None in found else False
