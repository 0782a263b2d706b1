"""A turn: one run of the loop over one release. Look, plan, act, look again, until there is nothing to do now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.domain.errors import CredentialsError, RefusedError, TransientError
from bot.domain.releases import Release, ReleaseState
from bot.domain.spans import SpanName
from bot.domain.verdicts import Consequence, GateResult
from bot.log import get
from bot.ports.spans import UNHEARD, Spans
from bot.ports.store import Ledger
from bot.ports.texts import Texts
from bot.release import leaving
from bot.release.actions import Action, PlayJob, StartPipeline, Upload, verb
from bot.release.apply import Hands, apply
from bot.release.belonging import claim
from bot.release.eyes import Eyes
from bot.release.facts import Facts, Look, LookKind, Wanted
from bot.release.identity import identity
from bot.release.observe import observe
from bot.release.plan import Act, Plan, Rest, plan
from bot.release.retry import interrupted
from bot.release.sources import asked_for

# No release needs more steps than this in one turn; one that does rests and goes on, so that others get their turn.
MOST_STEPS = 400
BREATHER = timedelta(seconds=30)
FIRST_RETRY = timedelta(seconds=2)
LONGEST_RETRY = timedelta(minutes=10)
LONGEST_SPREAD = timedelta(seconds=30)  # over which those come back who were told the same moment
CREDENTIALS_RETRY = timedelta(minutes=5)
_NAMING = (Upload, StartPipeline, PlayJob)  # actions by which a name comes to be published
WAITING = "waiting"  # the phase of turns that began and ended with waiting

PATIENCE = (0.2, 0.6, 1.5)  # seconds
LONGEST_PAUSE = timedelta(seconds=2)  # longer ones would hold a worker up

log = get("turn")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """All that a turn needs.

    `requests` counts calls to GitLab made by this thread so far; `current` is whether a turn is still the one that may
    act: it is not once a person stopped its release. `wait` sits out seconds; `patience` are the pauses after which a
    look that failed is repeated within the turn, since a turn that is put off begins its looks anew. `spans` hears of
    each look and each action.
    """

    eyes: Eyes
    hands: Hands
    texts: Texts
    clock: Callable[[], datetime]
    requests: Callable[[], int]
    current: Callable[[Release], bool]
    wait: Callable[[float], None]
    patience: tuple[float, ...] = PATIENCE
    spans: Spans = UNHEARD


class _Costs:
    """Requests by phase: what was looked at, what was done, and what only waiting cost."""

    def __init__(self, before: tuple[tuple[str, int], ...], count: Callable[[], int]) -> None:
        self._before = before
        self._spent: list[tuple[str, int]] = []
        self._count = count

    def charge(self, phase: str, since: int) -> None:
        """Charge what was asked since `since` to a phase."""
        self._spent.append((phase, self._count() - since))

    def total(self, *, waited: bool = False) -> tuple[tuple[str, int], ...]:
        """All phases so far; with `waited` this turn found nothing new, and all of it was for waiting."""
        by_phase = dict(self._before)
        for phase, spent in self._spent:
            if spent:
                phase = WAITING if waited else phase
                by_phase[phase] = by_phase.get(phase, 0) + spent
        return tuple(by_phase.items())


def run_turn(tools: Tools, want: Callable[[bool], Wanted], release: Release) -> Release:
    """Run the loop and return the release as it then stands, `due_at` included. The caller writes the row.

    `want` says what is wanted; given True, it may spare questions about it as long as the release waits on.
    What passes by itself (an unreachable GitLab, a 429) puts the release off; a refusal without which nothing can be
    said fails it. Neither raises.
    """
    ledger = tools.eyes.ledger
    note_interrupted(ledger, release.key, tools.clock())
    facts = Facts(
        now=tools.clock(),
        attempts=ledger.attempts(release.key),
        receipts=ledger.receipts(release.key),
        said=release.gates,
    )
    costs = _Costs(release.requests, tools.requests)
    drawn: Plan | None = None
    wanted: Wanted | None = None
    try:
        before = tools.requests()
        wanted = want(True)
        costs.charge("project", before)
        for _ in range(MOST_STEPS):
            drawn = plan(wanted, facts, tools.texts)
            if wanted.spared and isinstance(drawn.step, Look) and drawn.step.kind is LookKind.REF:
                # It waits no longer: nothing is judged or done without a look at the ref first.
                before = tools.requests()
                wanted = want(False)
                costs.charge("project", before)
                continue
            if isinstance(drawn.step, Rest):
                return _close(tools, wanted, release, facts, drawn, drawn.step.again, costs)
            if isinstance(drawn.step, Act) and not tools.current(release):
                log.info("turn.stopped", project=release.project, ref=release.id.ref)
                return release  # the row is not ours to write any more
            facts = _step(tools, wanted, facts, drawn.step, costs)
        return _close(tools, wanted, release, facts, drawn, BREATHER, costs)
    except TransientError as error:
        return _put_off(tools, sourced(release, facts, wanted), drawn, costs, error)
    except RefusedError as error:
        return _refused(tools, sourced(release, facts, wanted), costs, error, public=facts.public)


def note_interrupted(ledger: Ledger, key: str, now: datetime) -> None:
    """Note that nobody knows how tries ended in whose midst the bot was stopped. Called where none is under way."""
    for attempt in interrupted(ledger.attempts(key), now):
        ledger.attempt(key, attempt)


def sourced(release: Release, facts: Facts, wanted: Wanted | None) -> Release:
    """The release with the source it is made from, should that have been decided: it keeps it from then on."""
    if facts.source is not None:
        return replace(release, source=facts.source.source, source_reason=facts.source.reason)
    if wanted is not None and wanted.source is not release.source:
        return replace(release, source=wanted.source, source_reason=asked_for(wanted.source))
    return release


def _step(tools: Tools, wanted: Wanted, facts: Facts, step: Look | Act, costs: _Costs) -> Facts:
    before = tools.requests()
    if isinstance(step, Look):
        where = {"index": step.index} if step.index else {}
        try:
            with tools.spans.span(SpanName.LOOK, step=step.kind.value, **where):
                return _look(tools, wanted, facts, step)
        finally:
            costs.charge(step.kind.value, before)
    action = step.actions[0]
    if action.public and not facts.ref_fresh:
        # A ref may move between any two writes: nothing public happens on the word of an older look.
        return _step(tools, wanted, facts, Look(LookKind.REF), costs)
    if isinstance(action, _NAMING) and (claimed := claim(tools.eyes.kept, wanted, facts)) is not None:
        return claimed  # and is judged anew: it may be another's by now
    log.info("action.started", project=wanted.project.full_path, ref=wanted.id.ref, action=action.words)
    try:
        with tools.spans.span(SpanName.ACTION, step=verb(action), target=action.target, item=action.item) as span:
            facts = apply(tools.hands, wanted, facts, action)
            last = facts.attempts[-1]
            span.tell(outcome=last.outcome.value)
    finally:
        costs.charge(_phase(action), before)
    log.info(
        "action.finished",
        project=wanted.project.full_path,
        ref=wanted.id.ref,
        action=action.words,
        outcome=last.outcome.value,
        reason=last.reason,
    )
    return facts


def _look(tools: Tools, wanted: Wanted, facts: Facts, look: Look) -> Facts:
    """Look, patiently: what passes by itself mostly passes at once. A server that asks for more time gets it."""
    for pause in tools.patience:
        try:
            return observe(tools.eyes, wanted, facts, look)
        except TransientError as error:
            asked = error.retry_after or timedelta()
            if asked > LONGEST_PAUSE:
                raise
            tools.wait(max(pause, asked.total_seconds()))
    return observe(tools.eyes, wanted, facts, look)


def _phase(action: Action) -> str:
    return action.target.partition(":")[0] + " write"


def _close(
    tools: Tools,
    wanted: Wanted,
    release: Release,
    facts: Facts,
    drawn: Plan | None,
    again: timedelta | None,
    costs: _Costs,
) -> Release:
    assert drawn is not None, "a turn plans before it ends"
    now = tools.clock()
    tools.eyes.ledger.record(release.key, drawn.told)
    metadata = identity(wanted, facts)
    return replace(
        sourced(release, facts, wanted),
        state=drawn.state,
        version=metadata.version if metadata is not None else release.version,
        gates=_gates(release, drawn, facts),
        targets=drawn.targets,
        next=drawn.next,
        requests=costs.total(waited=release.state is drawn.state is ReleaseState.WAITING),
        updated_at=now,
        due_at=None if again is None else now + again,
        faults=0,
    )


def _gates(release: Release, drawn: Plan, facts: Facts) -> tuple[GateResult, ...]:
    """What the gates say now; while one holds the release up, the others keep what they said before.

    What they said holds nothing up any more: who does is said by those that spoke now. What was left out of the files
    is known to whoever gathered them alone, so that stays until somebody looks at files again.
    """
    if drawn.state is not ReleaseState.WAITING:
        left = () if facts.files is not None else (gate for gate in release.gates if gate.name == leaving.NAME)
        return (*drawn.gates, *left)
    before = {gate.name: replace(gate, consequence=Consequence.NONE, look_again=None) for gate in release.gates}
    return tuple((before | {gate.name: gate for gate in drawn.gates}).values())


def _put_off(tools: Tools, release: Release, drawn: Plan | None, costs: _Costs, error: TransientError) -> Release:
    """Try later: doubling, never sooner than the server asked, spread by the key so that not all come back at once."""
    now = tools.clock()
    told = error.retry_after or timedelta()
    delay = min(FIRST_RETRY * 2 ** min(release.faults, 20), LONGEST_RETRY)
    spread = (sum(release.key.encode()) % 100) / 100
    delay = max(delay * (1 + spread / 4), told + min(told, LONGEST_SPREAD) * spread)
    log.warning("turn.put_off", project=release.project, ref=release.id.ref, reason=str(error), seconds=delay.seconds)
    if drawn is not None:
        tools.eyes.ledger.record(release.key, drawn.told)
        release = replace(release, state=drawn.state)
    if not release.state.open and drawn is not None:  # the verdict stands; only telling it is put off
        release = replace(release, gates=drawn.gates, targets=drawn.targets)
    return replace(
        release,
        next=str(error),
        requests=costs.total(),
        updated_at=now,
        due_at=now + delay,
        faults=release.faults + 1,
    )


def _refused(tools: Tools, release: Release, costs: _Costs, error: RefusedError, *, public: bool) -> Release:
    now = tools.clock()
    credentials = isinstance(error, CredentialsError)
    log.warning("turn.refused", project=release.project, ref=release.id.ref, reason=str(error))
    stopped = ReleaseState.PARTIAL if public else ReleaseState.FAILED
    return replace(
        release,
        # A token that is refused says nothing about the release: it waits for the token to be mended.
        state=ReleaseState.WAITING if credentials else stopped,
        next=str(error),
        requests=costs.total(),
        updated_at=now,
        due_at=now + CREDENTIALS_RETRY if credentials else None,
        faults=release.faults + 1,
    )
