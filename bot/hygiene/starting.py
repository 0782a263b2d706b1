"""How a job of a certain pipeline starts: by itself, by a person's hand, or not at all."""

from __future__ import annotations

import re
from collections.abc import Iterable

from bot.domain.ci import CiFacts, CiJob, CiRule
from bot.hygiene.conditions import OPEN, Value, holds
from bot.hygiene.effective import effective
from bot.hygiene.facts import ProjectFacts
from bot.hygiene.reach import Chance, Pipeline, chance

NEVER = "never"
_NAMES = re.compile(r"\$(\w+)")
_GITLABS = ("CI_", "GITLAB_", "CHAT_", "TRIGGER_PAYLOAD")


def starts(facts: ProjectFacts, ci: CiFacts, job: CiJob, pipeline: Pipeline) -> frozenset[str]:
    """GitLab's words for how the job may start in that pipeline, `never` for not at all; one if it is certain."""
    workflow = frozenset({"always"})
    if ci.workflow is not None:
        workflow = _by_rules(ci.workflow, known_values(facts, ci, None, pipeline, _conditions(ci.workflow)))
    if job.gates is not None:
        own = _by_rules(job.gates, known_values(facts, ci, job, pipeline, _conditions(job.gates)))
    else:
        match chance(ci, job, pipeline):
            case Chance.NO if ci.workflow is None:
                own = frozenset({NEVER})
            case Chance.NO:
                own = frozenset({NEVER}) if workflow != {NEVER} else frozenset({job.when})
            case Chance.OPEN:
                own = frozenset({NEVER, job.when})
            case Chance.YES:
                own = frozenset({job.when})
    if workflow == {NEVER}:
        return workflow
    return own | {NEVER} if NEVER in workflow else own


def known_values(
    facts: ProjectFacts, ci: CiFacts, job: CiJob | None, pipeline: Pipeline, texts: Iterable[str]
) -> dict[str, Value]:
    """What conditions see: predefined variables, literals of the file, nothing for names that exist nowhere.

    A variable of the settings is open: its value is never read.
    """
    known = pipeline.known()
    literals = {**ci.variables, **(job.variables if job is not None else {})}
    environment = job.environment if job is not None else None
    settings = effective(facts.variables.flags, protected_ref=pipeline.protected, environment=environment)
    for name in {name for text in texts for name in _NAMES.findall(text)}:
        if name in known:
            continue
        literal = literals.get(name)
        if name in settings or name.startswith(_GITLABS):
            known[name] = OPEN
        elif literal is not None:
            known[name] = OPEN if "$" in literal or "[" in literal else literal
        elif facts.variables.unreadable:
            known[name] = OPEN
        else:
            known[name] = None
    return known


def _conditions(rules: Iterable[CiRule]) -> tuple[str, ...]:
    return tuple(rule.condition for rule in rules if rule.condition is not None)


def _by_rules(rules: Iterable[CiRule], known: dict[str, Value]) -> frozenset[str]:
    """The first rule that holds decides. What `changes` or `exists` narrow may hold or not."""
    possible: set[str] = set()
    for rule in rules:
        answer = True if rule.condition is None else holds(rule.condition, known)
        if answer is True and rule.narrowed:
            answer = None
        if answer is not False:
            possible.add(rule.when)
        if answer is True:
            return frozenset(possible)
    return frozenset(possible | {NEVER})
