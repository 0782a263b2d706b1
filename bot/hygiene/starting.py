"""How a job of a certain pipeline starts: by itself, by a person's hand, or not at all."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from bot.domain.ci import CiFacts, CiJob, CiRule
from bot.hygiene.conditions import OPEN, Value, holds
from bot.hygiene.effective import effective
from bot.hygiene.facts import ProjectFacts
from bot.hygiene.reach import Chance, Pipeline, chance

NEVER = "never"
_NAMES = re.compile(r"\$(\w+)")
_GITLABS = ("CI_", "GITLAB_", "CHAT_", "TRIGGER_PAYLOAD")


class Begin(NamedTuple):
    """One way in which a job may start: GitLab's word, `never` for not at all; and for a manual one, whether the
    pipeline goes on without it.
    """

    when: str
    optional: bool = False


def starts(facts: ProjectFacts, ci: CiFacts, job: CiJob, pipeline: Pipeline) -> frozenset[str]:
    """GitLab's words for how the job may start in that pipeline, `never` for not at all; one if it is certain."""
    return frozenset(begin.when for begin in begins(facts, ci, job, pipeline))


def begins(facts: ProjectFacts, ci: CiFacts, job: CiJob, pipeline: Pipeline) -> frozenset[Begin]:
    """The ways in which the job may start in that pipeline; one if it is certain."""
    never, usual = Begin(NEVER), Begin(job.when, _optional(job, None))
    workflow = frozenset({Begin("always")})
    if ci.workflow is not None:
        workflow = _by_rules(ci.workflow, known_values(facts, ci, None, pipeline, _conditions(ci.workflow)), None)
    if job.gates is not None:
        own = _by_rules(job.gates, known_values(facts, ci, job, pipeline, _conditions(job.gates)), job)
    else:
        match chance(ci, job, pipeline):
            case Chance.NO if ci.workflow is None:
                own = frozenset({never})
            case Chance.NO:
                own = frozenset({never}) if workflow != {never} else frozenset({usual})
            case Chance.OPEN:
                own = frozenset({never, usual})
            case Chance.YES:
                own = frozenset({usual})
    if workflow == {never}:
        return workflow
    return own | {never} if never in workflow else own


def _optional(job: CiJob, rule: CiRule | None) -> bool:
    """`allow_failure` of a manual job: what its rule says, else itself, else only one without rules has it.

    Source: gitlabhq, lib/gitlab/ci/config/entry/job.rb.
    """
    if (job.when if rule is None else rule.when) != "manual":
        return False
    said = job.allow_failure if rule is None or rule.allow_failure is None else rule.allow_failure
    return job.gates is None if said is None else said


def known_values(
    facts: ProjectFacts, ci: CiFacts, job: CiJob | None, pipeline: Pipeline, texts: Iterable[str]
) -> dict[str, Value]:
    """What conditions see: predefined variables, literals of the file, nothing for names that exist nowhere.

    A variable of the settings is open: its value is never read.
    """
    known = pipeline.known()
    literals = ci.variables if job is None else {**ci.variables_for(job), **job.variables}
    environment = job.environment if job is not None else None
    settings = effective(facts.variables.flags, protected_ref=pipeline.protected, environment=environment)
    for name in {name for text in texts for name in _NAMES.findall(text)}:
        if name in known:
            continue
        literal = literals.get(name)
        if name in settings or name.startswith(_GITLABS) or (job is not None and name in job.matrix):
            known[name] = OPEN
        elif literal is not None:
            known[name] = OPEN if "$" in literal or "[" in literal else literal
        elif facts.variables.unreadable:
            known[name] = OPEN
        else:
            known[name] = None
    return known


def given_by_rules(
    facts: ProjectFacts, ci: CiFacts, job: CiJob, pipeline: Pipeline, name: str
) -> Mapping[str, frozenset[str | None]]:
    """What `rules` set a name to in that pipeline, all that it may be, None for not at all; by whose they are: `job` or
    `workflow`. Only those that set it in some rule.
    """
    found: dict[str, frozenset[str | None]] = {}
    for place, rules, whose in (("job", job.gates, job), ("workflow", ci.workflow, None)):
        if rules is None or not any(name in dict(rule.variables) for rule in rules):
            continue
        known = known_values(facts, ci, whose, pipeline, _conditions(rules))
        runs = [rule for rule in _possible(rules, known) if rule is not None and rule.when != NEVER]
        found[place] = frozenset(dict(rule.variables).get(name) for rule in runs)
    return found


def _conditions(rules: Iterable[CiRule]) -> tuple[str, ...]:
    return tuple(rule.condition for rule in rules if rule.condition is not None)


def _by_rules(rules: Iterable[CiRule], known: dict[str, Value], job: CiJob | None) -> frozenset[Begin]:
    """How the job starts; `job` is None for the rules of the workflow."""
    return frozenset(
        Begin(NEVER) if rule is None else Begin(rule.when, job is not None and _optional(job, rule))
        for rule in _possible(rules, known)
    )


def _possible(rules: Iterable[CiRule], known: dict[str, Value]) -> Iterator[CiRule | None]:
    """The rules of which one decides, the first that holds; None for that none does. What `changes` or `exists` narrow
    may hold or not.
    """
    for rule in rules:
        answer = True if rule.condition is None else holds(rule.condition, known)
        if answer is not False:
            yield rule
        if answer is True and not rule.narrowed:
            return
    yield None
