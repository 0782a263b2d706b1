"""Which files a project should have, and what is missing between that and what GitLab shows. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeAlias

from bot.domain.ci import CiFacts, CiJob, CiUnknown
from bot.domain.components import Component, Row, Value
from bot.domain.proposals import Head, NewCommit, Proposal
from bot.onboarding.render import includes, jobs
from bot.onboarding.stamp import MARKER, commit_message, is_our_commit, stamped, unchanged

BRANCH = "ropewalk/ci"
CI_FILE = ".gitlab-ci.yml"
OWN_FILE = ".gitlab/ropewalk-ci.yml"
PATHS = (CI_FILE, OWN_FILE)
MOST_NEEDS = 40  # GitLab allows 50 in one job
_INCLUDE = f"include:\n  - local: /{OWN_FILE}\n"

Parse: TypeAlias = Callable[[str], CiFacts | CiUnknown]


class Destination(StrEnum):
    """Where the package is to be published."""

    REGISTRY = "registry"
    PYPI = "pypi"
    BOTH = "both"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is asked for. `place` and `version` name the project that holds the components; empty writes the jobs out.

    `attest` says that GitLab's own service runs the jobs, the only one whose identities can attest.
    """

    to: Destination
    place: str = ""
    version: str = ""
    attest: bool = False

    @property
    def components(self) -> tuple[str, ...]:
        """The names of the components, in the order they are written."""
        to_pypi = self.to is not Destination.REGISTRY
        wanted = {
            "build": True,
            "check": True,
            "attest": to_pypi and self.attest,
            "publish-gitlab": self.to is not Destination.PYPI,
            "publish-pypi": to_pypi,
        }
        return tuple(name for name, there in wanted.items() if there)


@dataclass(frozen=True, slots=True, kw_only=True)
class ByHand:
    """What the bot does not dare to do, and the text that somebody may put where it belongs."""

    reason: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What GitLab shows. `files` are those of `PATHS` that the default branch has, `proposed` those of our branch."""

    ci_path: str
    target: str
    base: Head
    files: Mapping[str, str]
    branch: Head | None
    proposed: Mapping[str, str]
    requests: tuple[Proposal, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """Nothing to do. `done` says that all is as wished; otherwise people have to act first."""

    state: str
    reason: str
    done: bool
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """What is to be done: at most one commit, at most one merge request. `url` is that of an open one."""

    commit: NewCommit | None
    open: bool
    url: str = ""


def wanted_files(seen: Seen, wish: Wish, components: Mapping[str, Component], parse: Parse) -> dict[str, str] | ByHand:
    """The files as they should be; those that are right already included."""
    chosen = {name: components[name] for name in wish.components}
    fresh = stamped(_body(chosen, wish, {}))
    if seen.ci_path != CI_FILE:
        return ByHand(reason=f"the project keeps its CI file elsewhere ({seen.ci_path})", text=fresh)
    present = seen.files.get(CI_FILE)
    if present is None or not present.strip() or unchanged(present):
        return {CI_FILE: fresh}
    facts = parse(present)
    if isinstance(facts, CiUnknown):
        return ByHand(reason=facts.reason, text=fresh)
    ours = facts.included and all(one.kind == "local" and one.path == OWN_FILE for one in facts.included)
    why = _objection(facts, chosen, included=bool(ours))
    if why:
        return ByHand(reason=why, text=fresh)
    own = stamped(_body(chosen, wish, _given(facts, chosen)))
    held = seen.files.get(OWN_FILE)
    if held is not None and not unchanged(held):
        return ByHand(reason=f"{OWN_FILE} was changed by hand", text=own)
    if ours:
        return {CI_FILE: present, OWN_FILE: own}
    longer = f"{present.rstrip()}\n\n{_INCLUDE}"
    if not _same_but_for_include(facts, parse(longer)):
        return ByHand(reason=f"{CI_FILE} is written in a form that cannot be added to safely", text=own)
    return {CI_FILE: longer, OWN_FILE: own}


def missing(seen: Seen, files: Mapping[str, str], *, subject: str, user_id: int) -> Rest | Steps:
    """What lies between what is there and those files proposed or merged. A branch that people changed is theirs."""
    if all(seen.files.get(path) == text for path, text in files.items()):
        return Rest(state="there", reason="the default branch has these files already", done=True)
    opened = next((one for one in seen.requests if one.state == "opened" and one.target_branch == seen.target), None)
    newest = seen.requests[0] if seen.requests else None
    if opened is not None and not (opened.author_id == user_id and MARKER in opened.description):
        reason = f"!{opened.iid} from the branch {BRANCH} is not the bot's"
        return Rest(state="taken", reason=reason, done=False, url=opened.web_url)
    if opened is None and newest is not None and newest.state == "closed":
        reason = f"!{newest.iid} was closed without being merged; reopen it if it is wanted after all"
        return Rest(state="declined", reason=reason, done=False, url=newest.web_url)
    url = "" if opened is None else opened.web_url
    if seen.branch is None:
        return Steps(commit=_commit(seen, files, subject), open=True)
    if not is_our_commit(seen.branch.message, seen.proposed):
        return Rest(
            state="changed", reason=f"people changed the branch {BRANCH}; it is theirs now", done=False, url=url
        )
    if opened is None and newest is not None:
        reason = f"the branch {BRANCH} is left over from !{newest.iid}; delete it, then run this again"
        return Rest(state="left_over", reason=reason, done=False, url=newest.web_url)
    if all(seen.proposed.get(path) == text for path, text in files.items()):
        if opened is not None:
            return Rest(state="open", reason=f"!{opened.iid} proposes these files already", done=True, url=url)
        return Steps(commit=None, open=True)
    return Steps(commit=_commit(seen, files, subject), open=opened is None, url=url)


def _commit(seen: Seen, files: Mapping[str, str], subject: str) -> NewCommit:
    parent, there = (seen.base, seen.files) if seen.branch is None else (seen.branch, seen.proposed)
    return NewCommit(
        branch=BRANCH,
        parent=parent.sha,
        new=seen.branch is None,
        message=commit_message(subject, {**there, **files}),
        files={path: text for path, text in files.items() if there.get(path) != text},
        known=frozenset(there),
    )


def _body(chosen: Mapping[str, Component], wish: Wish, given: Mapping[str, Mapping[str, Value]]) -> str:
    """The text below the stamp. In a file of its own (nothing given) the stages are said."""
    inputs = {name: given.get(name, {}) for name in chosen}
    parts = [] if given else ["stages: [build, test, deploy]\n"]
    if wish.place:
        parts.append(includes(inputs, wish.place, wish.version))
    else:
        parts += [jobs(component, inputs[name]) for name, component in chosen.items()]
    return "\n".join(["", *parts])


def _objection(facts: CiFacts, chosen: Mapping[str, Component], *, included: bool) -> str:
    """Why nothing can be added to the file by itself; empty if it can."""
    publishing = [job.name for job in facts.jobs if job.publishes]
    names = {str(component.inputs["job"]) for component in chosen.values()}
    taken = sorted(names & set(facts.lines))
    if publishing:
        return f"{CI_FILE} publishes already, in {', '.join(publishing)}"
    if "include" in facts.lines and not included:
        return f"{CI_FILE} has an `include` of its own"
    if taken:
        return f"{CI_FILE} has a job called {taken[0]}"
    if facts.stages is not None and not _stages(facts):
        return f"{CI_FILE} names no stages"
    if len(_gating(facts)) > MOST_NEEDS:
        return f"{CI_FILE} has more jobs than one job can wait for"
    return ""


def _given(facts: CiFacts, chosen: Mapping[str, Component]) -> dict[str, dict[str, Value]]:
    """Inputs that fit the jobs into the file's stages, and have publishing wait for all that runs by itself."""
    stages = _stages(facts)
    first, test, last = stages[0], "test" if "test" in stages else stages[0], stages[-1]
    place = {"build": first, "check": test, "attest": test, "publish-gitlab": last, "publish-pypi": last}
    given: dict[str, dict[str, Value]] = {name: {"stage": place[name]} for name in chosen}
    waits: tuple[Row, ...] = tuple({"job": name, "artifacts": False, "optional": True} for name in _gating(facts))
    for name, component in chosen.items():
        needs = component.inputs.get("needs")
        if needs is not None and not isinstance(needs, str) and waits:
            given[name]["needs"] = (*needs, *waits)
    return given


def _stages(facts: CiFacts) -> tuple[str, ...]:
    named = ("build", "test", "deploy") if facts.stages is None else facts.stages
    return tuple(stage for stage in named if stage not in (".pre", ".post"))


def _gating(facts: CiFacts) -> list[str]:
    return [job.name for job in facts.jobs if _runs_by_itself(job)]


def _runs_by_itself(job: CiJob) -> bool:
    """Whether a tag may run it without anybody's help: only such a job can be waited for."""
    words = {job.when, *(gate.when for gate in job.gates or ())}
    return not words & {"manual", "delayed", "on_failure"} and job.when != "never" and job.stage != ".post"


def _same_but_for_include(before: CiFacts, after: CiFacts | CiUnknown) -> bool:
    if isinstance(after, CiUnknown) or [one.path for one in after.included] != [OWN_FILE]:
        return False
    lines = {key: line for key, line in after.lines.items() if key != "include"}
    return replace(after, includes=(), included=(), lines=lines) == before
