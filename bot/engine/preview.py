"""The loop without hands: what a release's next run would do, or whether its last one still holds."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bot.domain.anatomy import Differences
from bot.domain.distributions import Distribution
from bot.domain.errors import TransientError
from bot.domain.releases import Receipt, Release
from bot.engine.turn import MOST_STEPS, Tools, sourced
from bot.release.actions import Action
from bot.release.facts import Facts, Look, LookKind, Seen, Unreadable, Wanted
from bot.release.forecast import Step, forecast
from bot.release.identity import identity
from bot.release.observe import observe
from bot.release.plan import Act, Plan, plan, prove
from bot.release.proofs import standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """`release` as it would be recorded now, `receipts` as far as proven.

    `steps` are what a run would do and pass over, in order (none with `proof`), `files` the distributions it is about
    (empty while there are none), `differences` what these change against those published before (None: not looked).
    `addresses` are where uploads to the indexes that were seen go, by their names.
    """

    release: Release
    steps: tuple[Step, ...]
    receipts: tuple[Receipt, ...]
    files: tuple[Distribution, ...]
    differences: Differences | None = None
    addresses: tuple[tuple[str, str], ...] = ()


def preview(tools: Tools, wanted: Wanted, release: Release, *, proof: bool) -> Preview:
    """Look until the plan is whole, also where a turn would only ask whether its wait is over.

    Of an index that does not answer a plan says that it cannot tell; all else that cannot be reached ends it.
    Raises: TransientError, RefusedError.
    """
    wanted = replace(wanted, waiting_for=None)
    facts = Facts(
        now=tools.clock(),
        attempts=tools.eyes.ledger.attempts(release.key),
        receipts=tools.eyes.ledger.receipts(release.key),
        said=release.gates,
    )
    if proof:
        facts = observe(tools.eyes, wanted, facts, Look(LookKind.PIPELINE))
    for _ in range(MOST_STEPS):
        drawn = prove(wanted, facts, tools.texts) if proof else plan(wanted, facts, tools.texts, through=True)
        if not isinstance(drawn.step, Look):
            receipts = standing(facts, wanted) if proof else facts.receipts
            seen = _preview(wanted, release, facts, drawn, receipts)
            return seen if proof else _planned(tools, wanted, facts, drawn, seen)
        facts = _look(tools, wanted, facts, drawn.step, proof=proof)
    raise AssertionError("a plan needs no more looks than there are things to look at")


def _look(tools: Tools, wanted: Wanted, facts: Facts, look: Look, *, proof: bool) -> Facts:
    try:
        return observe(tools.eyes, wanted, facts, look)
    except TransientError as error:
        if proof or look.kind is not LookKind.INDEX:
            raise
        return replace(facts, indexes={**facts.indexes, look.index: Unreadable(str(error), error.status)})


def _preview(wanted: Wanted, release: Release, facts: Facts, drawn: Plan, receipts: tuple[Receipt, ...]) -> Preview:
    metadata = identity(wanted, facts)
    seen = replace(
        sourced(release, facts, wanted),
        state=drawn.state,
        version=metadata.version if metadata is not None else release.version,
        gates=drawn.gates,
        targets=drawn.targets,
        next=drawn.next,
    )
    files = facts.files.value.files if facts.files else ()
    looked = ((spec.name, facts.indexes.get(spec.name)) for spec in wanted.indexes)
    addresses = tuple((name, one.value.place.upload_url) for name, one in looked if isinstance(one, Seen))
    return Preview(release=seen, steps=(), receipts=receipts, files=files, addresses=addresses)


def _planned(tools: Tools, wanted: Wanted, facts: Facts, drawn: Plan, seen: Preview) -> Preview:
    """With what would be done, and what the files change, unless they or all indexes are out of sight."""
    steps = forecast(wanted, facts, _actions(drawn))
    if facts.differences is None and seen.files and any(isinstance(one, Seen) for one in facts.indexes.values()):
        facts = observe(tools.eyes, wanted, facts, Look(LookKind.DIFFERENCES))
    return replace(seen, steps=steps, differences=facts.differences.value if facts.differences else None)


def _actions(drawn: Plan) -> tuple[Action, ...]:
    return drawn.step.actions if isinstance(drawn.step, Act) else ()
