"""What a publishing job would be given: whether a name has a value in it, from where, and if not, why not.

Source: the precedence of doc/ci/variables/_index.md: settings win over what the CI file says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum

from bot.domain.ci import CiFacts, CiJob
from bot.domain.gitlab import VariableFlags
from bot.hygiene.effective import effective, nearness, scope_fit
from bot.hygiene.facts import ProjectFacts
from bot.hygiene.judging import called
from bot.hygiene.reach import Pipeline
from bot.hygiene.starting import given_by_rules

_NAMES = re.compile(r"(?<![\\$])\$(?:\{(\w+)\}|(\w+))")
_TEXT = re.compile(r"[\\$]\$\{?(\w+)\}?")  # a variable's name that nobody expands
_BY_COMMAND = ("`", "$(", ":-…}")
_PREDEFINED = ("CI_", "GITLAB_")
_UNSAID: frozenset[str | None] = frozenset({None})
_DEEPEST = 10  # of variables that refer to each other


def environment_of(facts: ProjectFacts, ci: CiFacts, job: CiJob) -> str | None:
    """A job's environment as far as the file alone names it; what is left of `$` is known only when it runs."""
    name = job.environment
    return name if name is None or "$" not in name else _filled(name, _literals(facts, ci, job))


def _literals(facts: ProjectFacts, ci: CiFacts, job: CiJob) -> dict[str, str]:
    """Variables that the file sets and the settings do not: these win, and their values are not known."""
    if facts.variables.unreadable:
        return {}
    kept = {flags.key for flags in facts.variables.flags}
    literals = {**ci.variables_for(job), **job.variables}
    return {key: text for key, text in literals.items() if key not in kept and "$" not in text}


def _filled(text: str, known: Mapping[str, str]) -> str:
    return _NAMES.sub(lambda found: known.get(found[1] or found[2], found[0]), text)


class Got(Enum):
    """Whether there is a value."""

    YES = "yes"
    NO = "no"
    MAYBE = "maybe"


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """What becomes of a name or a text in a job. `why` is a clause: "TWINE_PASSWORD of project … reaches it".

    `file` says that it is the path of a file that holds the value, not the value. `literal` is the value where it is
    written out, else empty.
    """

    got: Got
    why: str
    file: bool = False
    literal: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job in a certain pipeline."""

    facts: ProjectFacts
    ci: CiFacts
    job: CiJob
    pipeline: Pipeline

    def environment(self) -> tuple[bool, str | None]:
        """Whether the environment's name is known, and the name; None for a job without one."""
        name = self.job.environment
        if name is None or "$" not in name:
            return True, name
        known = _literals(self.facts, self.ci, self.job) | {"CI_DEFAULT_BRANCH": self.pipeline.default_branch}
        if self.pipeline.outside is None:
            ref = self.pipeline.ref
            known |= {"CI_COMMIT_TAG": ref if self.pipeline.tag else "", "CI_COMMIT_REF_NAME": ref}
        filled = _filled(name, known)
        return "$" not in filled, filled

    def variable(self, name: str, depth: int = 0) -> Handed:
        """What `$NAME` is in the job's script."""
        settings = self._settings(name)
        if settings is not None and settings.got is Got.YES:
            return settings
        by_rules = given_by_rules(self.facts, self.ci, self.job, self.pipeline, name)
        matrix = self.job.matrix.get(name)
        for texts, place in (
            (by_rules.get("job", _UNSAID), f"a rule of job {self.job.name}"),
            (_UNSAID if matrix is None else frozenset(matrix), f"the matrix of job {self.job.name}"),
            (frozenset({self.job.variables.get(name)}), f"job {self.job.name}"),
            (by_rules.get("workflow", _UNSAID), "a rule of the workflow"),
            (frozenset({self.ci.variables_for(self.job).get(name)}), "the CI file"),
        ):
            if len(texts) > 1:
                return Handed(got=Got.MAYBE, why=f"{place} sets {name}, and which value, only the pipeline shows")
            (text,) = texts or _UNSAID
            if text is not None:
                given = self.text(text, depth + 1, own=name)
                if settings is not None and given.got is not Got.YES:
                    return Handed(got=Got.MAYBE if settings.got is Got.MAYBE else given.got, why=settings.why)
                why = f"{place} sets {name}" if given.got is Got.YES and not given.file else given.why
                return replace(given, why=why)
        if settings is not None:
            return settings
        if name.startswith(_PREDEFINED):
            return Handed(got=Got.YES, why=f"GitLab sets {name}")
        return self._absent(name)

    def text(self, text: str, depth: int = 0, own: str = "") -> Handed:
        """What a text with variables in it comes to: nothing if one of them has no value."""
        names = [one or other for one, other in _NAMES.findall(text)]
        if own in names:
            # GitLab leaves a variable that refers to itself as it is: the job gets the text `$NAME`.
            return Handed(got=Got.NO, why=f"{own} is set to itself, so the job gets the text ${own}")
        unread = _TEXT.fullmatch(text)
        if unread is not None:
            return Handed(got=Got.NO, why=f"nobody puts a value in, so the job gets the text ${unread[1]}")
        if any(mark in text for mark in _BY_COMMAND) or depth > _DEEPEST:
            return Handed(got=Got.MAYBE, why="it is what a command says")
        parts = [self.variable(name, depth + 1) for name in names]
        for got in (Got.NO, Got.MAYBE):
            for part in parts:
                if part.got is got:
                    return part
        if not text:
            return Handed(got=Got.NO, why="it is empty")
        if not parts:
            return Handed(got=Got.YES, why="it is written out", literal=text)
        return parts[0] if _NAMES.fullmatch(text) else replace(parts[0], file=False, literal="")

    def _settings(self, name: str) -> Handed | None:
        """What the settings hold for a name; None if they hold nothing of that name at all."""
        rows = [flags for flags in self.facts.variables.flags if flags.key == name]
        if not rows:
            return None
        certain, environment = self.environment()
        protected = self.pipeline.protected
        got = effective(rows, protected_ref=protected, environment=environment if certain else None).get(name)
        if got is not None:
            nearer = next((flags for flags in rows if nearness(flags) > nearness(got)), None)
            if nearer is None:
                return Handed(got=Got.YES, why=f"{called(got)} reaches it", file=got.file)
            # Somebody gave this project a value of its own; whether the one above would do, no flag tells.
            return Handed(got=Got.MAYBE, why=f"it would be {called(got)}: {self._kept_away(nearer, environment)}")
        if not certain and any(flags.environment_scope != "*" and (protected or not flags.protected) for flags in rows):
            return Handed(got=Got.MAYBE, why=f"the environment {self.job.environment} is known only when it runs")
        why = "; ".join(self._kept_away(flags, environment) for flags in rows[:3])
        return Handed(got=Got.MAYBE if self.facts.variables.unreadable else Got.NO, why=why)

    def _kept_away(self, flags: VariableFlags, environment: str | None) -> str:
        away = flags.protected and not self.pipeline.protected
        unnamed = environment is not None and "$" in environment
        if unnamed and not away:
            return (
                f"whether {called(flags)} reaches job {self.job.name}, its environment {environment} tells when it runs"
            )
        if not unnamed and scope_fit(flags.environment_scope, environment) is None:
            has = "has no environment" if environment is None else f"has the environment {environment}"
            return f"{called(flags)} does not reach job {self.job.name}, which {has}"
        kind = "tag" if self.pipeline.tag else "branch"
        return f"{called(flags)} is protected, and {kind} {self.pipeline.ref} is not"

    def _absent(self, name: str) -> Handed:
        unread = self.facts.variables.unreadable
        if unread:
            return Handed(got=Got.MAYBE, why=f"{name} is nowhere to be seen, but the {unread[0].words} cannot be read")
        if any(job.dotenv for job in self.ci.jobs):
            return Handed(got=Got.MAYBE, why=f"{name} is nowhere to be seen, but a job hands variables on by dotenv")
        return Handed(got=Got.NO, why=f"no variable {name} is set anywhere")
