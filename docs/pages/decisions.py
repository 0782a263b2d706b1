"""docs/decision-tables.md: what is decided from which facts, by asking the functions that decide."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from itertools import product

from packaging.version import Version

from bot.cli.exits import exit_of_release
from bot.domain.distributions import IndexFile
from bot.domain.gitlab import PipelineStatus, Variables
from bot.domain.releases import AttemptOutcome, ReleaseState
from bot.domain.variable_names import Kind, kind
from bot.domain.verdicts import Consequence, GateResult, Severity
from bot.domain.versioning import Bump, bumped
from bot.ports.index import Gathered
from bot.release.facts import Facts, IndexFacts, Look, PipelineFacts, Seen, Unreadable
from bot.release.gates import hygiene, index_guard, pipeline_green
from bot.release.retry import GiveUp, Later, Ready, next_try
from bot.release.sending import may_send
from docs.pages import world

HEAD = """\
# Decision tables

What is decided from which facts. Every table here is made by asking the function that decides, and a test asks again.
Which source `auto` chooses is [a table of its own](sources.md#what-auto-chooses); what each gate asks is in
[gates](gates.md), what a stricter value is in [policy](policy.md#what-is-stricter).
"""
THEN = {
    Consequence.NONE: "goes on",
    Consequence.WAIT: "waits",
    Consequence.BLOCK: "blocked",
    Consequence.FAIL: "failed",
    Consequence.CONFLICT: "conflict",
    Consequence.WITHDRAW: "withdrawn",
}


def page() -> str:
    """The whole page, ending in a line break."""
    return HEAD + "".join(
        f"\n## {title}\n\n{about}\n\n{_table(header, rows)}"
        for title, about, header, rows in (
            _pipelines(),
            _credentials(),
            _indexes(),
            _tries(),
            _states(),
            _versions(),
            _jobs(),
        )
    )


Section = tuple[str, str, Sequence[str], Iterable[Sequence[str]]]


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)]) + "\n"


def _said(result: GateResult | Look) -> tuple[str, str]:
    """The verdict and what follows from it."""
    assert isinstance(result, GateResult), "the facts are whole"
    return f"`{result.verdict.value}`", THEN[result.consequence]


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _pipelines() -> Section:
    def rows() -> Iterator[Sequence[str]]:
        for status in PipelineStatus:
            if status is PipelineStatus.MANUAL:
                for words, job in (("is done", PipelineStatus.SUCCESS), ("is not done", PipelineStatus.PENDING)):
                    found = world.pipeline(status, status, job)
                    yield f"`{status.value}`, every other job {words}", *_judged(found)
            else:
                yield f"`{status.value}`", *_judged(world.pipeline(status))
        for words, later in (("for less than ten minutes", timedelta()), ("for longer", timedelta(minutes=11))):
            facts = Facts(now=world.NOON + later, pipeline=Seen(None))
            yield f"none {words}", *_said(pipeline_green.judge(world.wanted(), facts))

    def _judged(found: PipelineFacts) -> tuple[str, str]:
        return _said(pipeline_green.judge(world.wanted(), Facts(now=world.NOON, pipeline=Seen(found))))

    about = (
        "The pipeline of the released commit *and* ref, where the bot takes what its jobs made. Merge requests',\n"
        "children's and scheduled pipelines do not count."
    )
    return "Is the pipeline green?", about, ("pipeline", "`pipeline_green`", "the release"), rows()


def _credentials() -> Section:
    def rows() -> Iterator[Sequence[str]]:
        for key in ("TWINE_PASSWORD", "TWINE_USERNAME"):
            for masked, protected in product((True, False), repeat=2):
                flags = Variables(flags=(world.variable(key, masked=masked, protected=protected),))
                facts = Facts(now=world.NOON, variables=Seen(flags))
                said = [_said(hygiene.judge(world.wanted(at), facts))[1] for at in (Severity.HIGH, Severity.LOW, None)]
                word = "password, token" if kind(key) is Kind.CREDENTIAL else "user name"
                yield f"{word} (`{key}`)", _yes(masked), _yes(protected), *said

    about = "Publishing variables of the project, its groups and the instance, by their flags; values are never read."
    header = ("variable", "masked", "protected", "`block_at: high`", "`block_at: low`", "`block_at: never`")
    return "May these variables publish?", about, header, rows()


def _indexes() -> Section:
    ours = world.wheel()
    seen: tuple[tuple[str, Seen[IndexFacts] | Unreadable], ...] = (
        ("nothing of that name", Seen(world.listing())),
        ("the same bytes", Seen(world.listing(IndexFile(filename=ours.filename, sha256=ours.sha256, url="")))),
        ("other bytes", Seen(world.listing(IndexFile(filename=ours.filename, sha256="b" * 64, url="")))),
        ("cannot be looked at", Unreadable("503")),
    )

    def rows() -> Iterator[Sequence[str]]:
        for words, found in seen:
            facts = Facts(now=world.NOON, files=Seen(Gathered(files=(ours,))), indexes={world.REGISTRY.name: found})
            yield words, *_said(index_guard.judge(world.wanted(), facts))

    about = "Every index of the rule is looked at before the first upload anywhere, and again before each."
    return "May this file be uploaded?", about, ("the index has", "`index_guard`", "the release"), rows()


def _tries() -> Section:
    def rows() -> Iterator[Sequence[str]]:
        for outcome in AttemptOutcome:
            if outcome is AttemptOutcome.CLAIMED:
                continue  # a turn makes `unclear` of it before anything else
            for again in (True, False) if outcome is not AttemptOutcome.ACCEPTED else (True,):
                tried = (world.attempt(outcome, again=again),)
                yield f"`{outcome.value}`", _yes(again), _step(next_try(tried, asked=world.NOON, now=world.NOON))
        worn = tuple(world.attempt(AttemptOutcome.REFUSED, number=n) for n in range(1, 7))
        yield "`refused`, the sixth time", "yes", _step(next_try(worn, asked=world.NOON, now=world.NOON))

    about = (
        "The effect is wanted, a look has just shown that it is not there, and this is how the last try ended.\n"
        "Nothing is tried again without such a look. Pauses double, up to 15 minutes, and are never shorter than\n"
        "the other side asks. What an index accepted is [waited for](decisions/0002-unclear-uploads.md) before this."
    )
    return "May it be tried again?", about, ("the last try", "may work later", "then"), rows()


def _step(step: Ready | Later | GiveUp) -> str:
    match step:
        case Ready():
            return "now"
        case Later(delay=delay):
            return f"after {delay.total_seconds():.0f} s"
        case GiveUp():
            return "a person acts, then `resume`"


def _states() -> Section:
    def rows() -> Iterator[Sequence[str]]:
        for state in ReleaseState:
            made = world.release(state)
            codes = [str(int(exit_of_release(made, public=public))) for public in (False, True)]
            yield f"`{state.value}`", *codes, "time or a hook" if state.open else _who(state)

    def _who(state: ReleaseState) -> str:
        return "nobody" if state in (ReleaseState.PUBLISHED, ReleaseState.WITHDRAWN) else "a person"

    about = (
        "How `release plan`, `apply`, `resume` and `verify` end. A release that waits for a hold, an approval or a\n"
        "freeze ends with 5, one that could not look at an index, or that was refused the credentials, with 6."
    )
    header = ("state", "nothing is public", "something is public", "goes on by")
    return "Which state, which code?", about, header, rows()


def _versions() -> Section:
    lasts = (None, Version("0.3.1"), Version("1.2.3"))

    def rows() -> Iterator[Sequence[str]]:
        for bump in (Bump.PATCH, Bump.MINOR, Bump.MAJOR):
            yield bump.name.lower(), *(f"`{bumped(last, bump)}`" for last in lasts)

    about = "Where policy lets [the bot tag](versioning.md); the greatest of all changes counts."
    return (
        "Which version comes next?",
        about,
        ("the changes ask for", "no version yet", "after 0.3.1", "after 1.2.3"),
        rows(),
    )


def _jobs() -> Section:
    def rows() -> Iterator[Sequence[str]]:
        for fork, protected, spec in product((False, True), (True, False), (world.REGISTRY, world.PYPI)):
            said = [
                _said(may_send(world.job(protected=protected, fork=fork), spec, allow_unprotected=allowed))
                for allowed in (False, True)
            ]
            where = "the project's registry" if spec is world.REGISTRY else "PyPI, any other index"
            yield where, _yes(protected), _yes(fork), *(f"{verdict} {then}" for verdict, then in said)

    about = "`ropewalk publish` inside a job; see [publishing](publishing.md)."
    header = ("to", "ref protected", "from a fork", "without options", "with `--allow-unprotected`")
    return "May this job publish?", about, header, rows()
