"""What each command of a note does: the same, by the same functions, as its counterpart on the command line.

A command is weighed first, which may ask GitLab; what it then does touches our own records alone, so that it can be
written down in one transaction with the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from difflib import get_close_matches

from bot.domain.commands import Answer, CommandPolicy, NoteHome, NotePlace, Outcome, Spoken, Verb, WrittenNote
from bot.domain.consents import Approver, Hold, one_line
from bot.domain.discretion import discreet
from bot.domain.errors import CredentialsError, RefusedError
from bot.domain.releases import Release, ReleaseState
from bot.domain.verdicts import Verdict
from bot.engine.consents import LEAST_SHA, Desk, Refused, names, needless
from bot.engine.preview import Preview
from bot.engine.wanting import Wanting
from bot.hygiene.catalogue import RULES
from bot.notes.command_texts import asked, help_text, listed, ours_or_code, usage
from bot.notes.foreign import inline
from bot.notes.tables import when
from bot.ports.commands import Persons
from bot.ports.store import Register
from bot.settings.values import parse_duration

MOST_LISTED = 10
_DIGITS = str.maketrans("OIL", "011")  # letters that are typed for digits
_OVER = (ReleaseState.PUBLISHED, ReleaseState.WITHDRAWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A command and who gave it where. `age` is how long ago the note was written, by GitLab's clock."""

    command: Spoken
    note: WrittenNote
    place: NotePlace
    age: timedelta


Effect = Callable[[], Answer]
"""What a command does once it was weighed: our own records only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acts:
    """All that acting takes."""

    desk: Desk
    register: Register
    wanting: Wanting
    preview: Callable[[Release], Preview]
    persons: Persons
    policy: CommandPolicy
    clock: Callable[[], datetime]

    def weigh(self, one: Asked) -> Effect:
        """What is to be done about a command whose author may give it. Raises: TransientError, CredentialsError."""
        verb = one.command.verb
        if verb is Verb.HELP:
            return _said(one, Outcome.DONE, "what can be asked for", details=help_text())
        if verb is Verb.EXPLAIN:
            return _explained(one)
        try:
            return self._about_release(one)
        except CredentialsError:
            raise
        except RefusedError as error:
            return _said(one, Outcome.REFUSED, inline(str(error)))

    def _about_release(self, one: Asked) -> Effect:
        verb, words = one.command.verb, one.command.words
        if verb is Verb.HOLD:
            return self._hold(one)
        most = 2 if verb is Verb.APPROVE else 1
        if len(words) > most:
            return _said(one, Outcome.UNKNOWN, f"too many words: {usage(verb)}")
        found = self._release(one, words[0] if words else None)
        if not isinstance(found, Release):
            return found
        if verb is Verb.PLAN:
            return self._plan(one, found)
        if verb is Verb.APPROVE:
            return self._approve(one, found, words[1] if len(words) > 1 else None)
        self.wanting.rule(found.project, found.id.kind, found.id.ref)
        return lambda: self._resumed(one, found)

    def _release(self, one: Asked, ref: str | None) -> Release | Effect:
        """The one release that is named or meant, or an answer that lists those that may be."""
        rows = _newest(self.register.releases(str(one.place.project_id)), ref)
        here = rows
        if one.place.home is NoteHome.MERGE_REQUEST:
            target = f"note:!{one.place.iid}"
            here = [row for row in rows if any(status.name == target for status in row.targets)]
        if ref is not None:
            found = here or rows
            return found[0] if found else _said(one, Outcome.REFUSED, f"no release of {inline(ref)} is on record")
        open_ = [row for row in here if row.state not in _OVER]
        found = open_ or (here if one.place.home is NoteHome.MERGE_REQUEST else [])
        if len(found) == 1:
            return found[0]
        if not found:
            return _said(one, Outcome.REFUSED, f"no release is known to ship this: name one, {usage(one.command.verb)}")
        refs = ", ".join(f"{inline(row.id.ref)} ({row.state.value})" for row in found[:MOST_LISTED])
        return _said(one, Outcome.REFUSED, f"which one? {refs}: {usage(one.command.verb)}")

    def _plan(self, one: Asked, release: Release) -> Effect:
        plan = self.preview(release)
        drawn = discreet(plan.release)  # whoever sees the merge request reads the answer
        stops = [
            f"{gate.name}: {gate.reason}" for gate in drawn.gates if gate.verdict in (Verdict.FAIL, Verdict.UNKNOWN)
        ]
        steps = [step.sentence for step in plan.steps]
        words = f"{inline(drawn.id.ref)} is {drawn.state.value}" + (f": {inline(drawn.next)}" if drawn.next else "")
        return _said(one, Outcome.DONE, words, details=listed([*stops, *steps]), key=release.key)

    def _resumed(self, one: Asked, release: Release) -> Answer:
        self.desk.resume(release)
        words = f"{inline(release.id.ref)} goes on; it was {release.state.value}"
        return _answer(one, Outcome.DONE, words, key=release.key)

    def _approve(self, one: Asked, release: Release, sha: str | None) -> Effect:
        ref = inline(release.id.ref)
        if sha is not None and not names(sha, release):
            words = f"{ref} is at {inline(release.id.sha[:12])}, not at {inline(sha)} (at least {LEAST_SHA} digits)"
            return _said(one, Outcome.REFUSED, words, key=release.key)
        if self.clock() - release.created_at < one.age:
            words = (
                f"the release of {ref} at {inline(release.id.sha[:12])} began after this was written: look at it anew"
            )
            return _said(one, Outcome.REFUSED, words, key=release.key)
        wanted = self.wanting.wanted(release)
        why = needless(wanted, release)
        if why is not None:
            return _said(one, Outcome.DONE, f"{ref} needs no approval: {why}", key=release.key)
        approver = self.persons.person(one.note.author_id)
        if approver is None:
            return _said(one, Outcome.REFUSED, "nobody of that number is known to GitLab any more", key=release.key)
        weighed = self.desk.weigh(wanted, approver)
        if isinstance(weighed, Refused):
            words = f"{inline(weighed.why)}. {_elsewhere(approver)}".rstrip(". ")
            return _said(one, Outcome.REFUSED, words, key=release.key)

        def approved() -> Answer:
            self.desk.record(release, weighed)
            words = f"{inline(weighed.username)} approves {ref} at {inline(release.id.sha[:12])}"
            return _answer(one, Outcome.DONE, words, key=release.key)

        return approved

    def _hold(self, one: Asked) -> Effect:
        words = one.command.words
        spans = [_span(word) for word in words[:2]]
        if spans and spans[0] is not None:
            ref, span, reason = None, spans[0], words[1:]
        elif len(spans) == 2 and spans[1] is not None:
            ref, span, reason = words[0], spans[1], words[2:]
        else:
            return _said(
                one, Outcome.UNKNOWN, f"for how long? {usage(Verb.HOLD)}, with times such as `90m`, `12h`, `2d`"
            )
        if not timedelta() < span <= self.policy.longest_hold:
            most = self.policy.longest_hold
            return _said(one, Outcome.REFUSED, f"a hold from a note lasts at most {inline(_spoken(most))}")
        found = self._release(one, ref)
        if not isinstance(found, Release):
            return found
        now = self.clock()
        hold = Hold(by=one.note.username, since=now, until=now + span, reason=one_line(" ".join(reason)))
        return lambda: self._held(one, found, hold)

    def _held(self, one: Asked, release: Release, hold: Hold) -> Answer:
        """A note never shortens what somebody else, or a longer word, holds."""
        id_, ref = release.id, inline(release.id.ref)
        there = self.desk.longer(id_.project_id, id_.ref, hold)
        if there is not None:
            until = "" if there.until is None else f" until {when(there.until)}"
            return _answer(one, Outcome.REFUSED, f"{ref} is held by {inline(there.by)} already{until}", key=release.key)
        self.desk.hold(id_.project_id, f"{release.project}@{id_.ref}", id_.ref, hold)
        assert hold.until is not None, "a hold from a note has an end"
        return _answer(one, Outcome.DONE, f"{ref} is held until {when(hold.until)}", key=release.key)


def refused(command: Spoken, words: str) -> Answer:
    """An answer to somebody who may not give that command; empty words are not told."""
    return Answer(outcome=Outcome.REFUSED, asked=asked(command), words=words)


def _explained(one: Asked) -> Effect:
    words = one.command.words
    if len(words) != 1:
        return _said(one, Outcome.UNKNOWN, f"one rule, please: {usage(Verb.EXPLAIN)}")
    known = {rule.info.id: rule.info for rule in RULES}
    info = known.get(words[0].upper())
    if info is None:
        typed = words[0].upper()[:20].translate(_DIGITS)
        near = [typed] if typed in known else get_close_matches(typed, known, n=1)
        meant = f"; did you mean {inline(near[0])}?" if near else ""
        return _said(one, Outcome.UNKNOWN, f"there is no rule {inline(words[0], 40)}{meant}")
    details = f"**{info.id}.** {ours_or_code(info.threat)}\n\n**What to do:** {ours_or_code(info.remedy)}"
    return _said(one, Outcome.DONE, f"{ours_or_code(info.title)} ({info.severity.word})", details=details)


def _newest(rows: Sequence[Release], ref: str | None) -> list[Release]:
    """Of each ref (or of that one) and commit that still counts, the newest first; a tag counts once."""
    alive = [row for row in rows if row.state is not ReleaseState.WITHDRAWN and ref in (None, row.id.ref)]
    tags: set[str] = set()
    found = []
    for row in alive:
        if row.id.kind.value == "tag" and row.id.ref in tags:
            continue
        tags.add(row.id.ref)
        found.append(row)
    return found


def _elsewhere(approver: Approver) -> str:
    """Where it may work all the same: with a token GitLab shows its owner's addresses."""
    return "" if approver.robot else "With a token of one's own `ropewalk release approve` may know more"


def _span(word: str) -> timedelta | None:
    try:
        return parse_duration(word)
    except (ValueError, OverflowError):
        return None


def _spoken(span: timedelta) -> str:
    days, rest = divmod(int(span.total_seconds()), 86_400)
    hours, rest = divmod(rest, 3_600)
    parts = ((days, "d"), (hours, "h"), (rest // 60, "m"), (rest % 60, "s"))
    return "".join(f"{number}{unit}" for number, unit in parts if number)


def _answer(one: Asked, outcome: Outcome, words: str, *, key: str = "") -> Answer:
    return Answer(outcome=outcome, asked=asked(one.command), words=words, key=key)


def _said(one: Asked, outcome: Outcome, words: str, *, details: str = "", key: str = "") -> Effect:
    """An effect that changes nothing."""
    answer = replace(_answer(one, outcome, words, key=key), details=details)
    return lambda: answer
