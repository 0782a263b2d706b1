"""What a run would do, in the words of a plan: what it would upload, what it would pass over, what would stop it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.domain.distributions import Distribution
from bot.domain.policy import IndexSpec
from bot.release.actions import Action, Upload
from bot.release.facts import Facts, IndexFacts, Seen, Unreadable, Wanted
from bot.release.targets.index import wheels_first


class Course(StrEnum):
    """What a run would do about one thing."""

    UPLOAD = "upload"
    SKIP = "skip"
    STOP = "stop"
    CANNOT_TELL = "cannot_tell"
    ACT = "act"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One line of a plan. `index` is None for what has to do with none, `file` for what is no file.

    `words` are what follows "would"; for `CANNOT_TELL` they are the whole sentence.
    """

    target: str
    course: Course
    words: str
    index: str | None = None
    file: str | None = None

    @property
    def sentence(self) -> str:
        """The line as a person reads it."""
        return self.words if self.course is Course.CANNOT_TELL else f"would {self.words}"


def forecast(wanted: Wanted, facts: Facts, actions: tuple[Action, ...]) -> tuple[Step, ...]:
    """`actions`, and before them what was found on the indexes that asks for none, index by index in order."""
    steps: list[Step] = []
    files = wheels_first(facts.files.value.files) if facts.files else []
    uploads = {(action.index, action.filename): action for action in actions if isinstance(action, Upload)}
    for spec in wanted.indexes:
        seen = facts.indexes.get(spec.name)
        if isinstance(seen, Unreadable):
            steps.append(_cannot_tell(spec, seen))
        for file in files:
            action = uploads.pop((spec.name, file.filename), None)
            if action is not None:
                steps.append(_step(action))
            elif isinstance(seen, Seen) and (found := _found(spec, file, seen.value)) is not None:
                steps.append(found)
    return (*steps, *(_step(action) for action in actions if not isinstance(action, Upload)))


def _cannot_tell(spec: IndexSpec, seen: Unreadable) -> Step:
    code = f"{seen.status} on {spec.name}" if seen.status is not None else spec.name
    words = f"cannot tell ({code}: {seen.reason})"
    return Step(target=f"index:{spec.name}", course=Course.CANNOT_TELL, index=spec.name, words=words)


def _found(spec: IndexSpec, file: Distribution, seen: IndexFacts) -> Step | None:
    """What stands on the index under the file's name already; None if nothing does."""
    there = [listed for listed in seen.files if listed.filename == file.filename]
    if not there:
        return None
    same = all(listed.sha256 == file.sha256 for listed in there)
    course = Course.SKIP if same else Course.STOP
    words = (
        f"skip {file.filename} (identical on {spec.name})"
        if same
        else f"stop (other bytes of {file.filename} on {spec.name})"
    )
    return Step(target=f"index:{spec.name}", course=course, index=spec.name, file=file.filename, words=words)


def _step(action: Action) -> Step:
    if isinstance(action, Upload):
        return Step(
            target=action.target, course=Course.UPLOAD, index=action.index, file=action.filename, words=action.words
        )
    return Step(target=action.target, course=Course.ACT, words=action.words)
