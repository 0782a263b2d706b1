"""Send given files to one index and prove them there, in one go: a CI job has nobody who comes back to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.domain.errors import TransientError
from bot.domain.policy import IndexSpec, Source
from bot.domain.releases import AttemptOutcome, Receipt, Release, ReleaseState
from bot.domain.secrets import Secret
from bot.domain.verdicts import GateResult
from bot.engine.turn import PATIENCE
from bot.ports.index import Gathered, Index, Minter
from bot.release.actions import Action, Upload
from bot.release.apply import claimed, ended, upload
from bot.release.facts import Facts, Look, Seen, Wanted
from bot.release.forecast import Step, forecast
from bot.release.observe import on_index
from bot.release.plan import Act, Plan, Rest
from bot.release.proofs import proven_now
from bot.release.sending import AGAIN, plan_sending

LONGEST_PAUSE = 20.0  # seconds between two looks that fail, once something was sent
_ARRIVED = (AttemptOutcome.ACCEPTED, AttemptOutcome.UNCLEAR, AttemptOutcome.CLAIMED)


@dataclass(frozen=True, slots=True, kw_only=True)
class IdToken:
    """A job's ID token, and the variable that held it."""

    variable: str
    value: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """All that sending needs.

    `wait` sits out seconds, `say` tells a person of each thing done; what is not proven after `patience` is left.
    `id_token` is exchanged for the index's own token right before the first upload (None: the spec has credentials).
    """

    index: Index
    minter: Minter
    clock: Callable[[], datetime]
    wait: Callable[[float], None]
    say: Callable[[str], None]
    patience: timedelta
    id_token: IdToken | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """How it ended. `release` is the record as one of the bot would be, `steps` what a run would do (a dry run)."""

    release: Release
    facts: Facts
    receipts: tuple[Receipt, ...]
    steps: tuple[Step, ...] = ()

    @property
    def public(self) -> bool:
        """Whether a file of ours stands in public, or may do so."""
        return _touched(self.facts)


def turned_away(wanted: Wanted, why: GateResult) -> Sending:
    """The end of a job that may not publish at all."""
    facts = Facts(now=wanted.asked)
    return _sending(wanted, facts, plan_sending(wanted, facts, why))


def send(post: Post, wanted: Wanted, gathered: Gathered, allowed: GateResult, *, dry_run: bool) -> Sending:
    """Look, send what is missing, wheels first and one file at a time, and read it back.

    Raises: TransientError, CredentialsError, ConfigError, as long as nothing can have been written.
    """
    began = post.clock()
    facts = Facts(now=began, files=Seen(gathered))
    while True:
        drawn = plan_sending(wanted, facts, allowed)
        match drawn.step:
            case Look(index=name):
                try:
                    facts = _look(post, wanted, facts, name, began + post.patience)
                except TransientError as error:
                    if not _touched(facts):
                        raise
                    return _left(wanted, facts, drawn, str(error))
            case Act(actions=actions) if dry_run:
                return _sending(wanted, facts, drawn, forecast(wanted, facts, actions))
            case Act() if post.id_token is not None and wanted.indexes[0].password is None:
                wanted = replace(wanted, indexes=(_minted(post, wanted, facts, post.id_token),))
                facts = replace(facts, indexes={})
            case Act(actions=actions):
                facts = _act(post, facts, actions[0])
            case Rest(again=None):
                return _sending(wanted, facts, drawn, forecast(wanted, facts, ()) if dry_run else ())
            case Rest(again=timedelta() as again):
                if post.clock() + again > began + post.patience:
                    return _left(wanted, facts, drawn, f"{drawn.next}, and {_span(post.patience)} are over")
                post.wait(again.total_seconds())
                facts = replace(facts, indexes={}, now=post.clock())


def _look(post: Post, wanted: Wanted, facts: Facts, name: str, end: datetime) -> Facts:
    """Look; what passes by itself is tried again. Before a write that is soon given up, since to run the job again
    costs nothing; after it a proof is worth waiting for.
    """
    pauses = list(PATIENCE)
    while True:
        facts = replace(facts, now=post.clock())
        try:
            seen = on_index(post.index, wanted, facts, name)
            return replace(facts, indexes={**facts.indexes, name: seen})
        except TransientError as error:
            asked = error.retry_after.total_seconds() if error.retry_after else 0.0
            pause = max(pauses.pop(0) if pauses else LONGEST_PAUSE, asked)
            spent = not pauses and not _touched(facts)
            if spent or post.clock() + timedelta(seconds=pause) > end:
                raise
            post.wait(pause)


def _act(post: Post, facts: Facts, action: Action) -> Facts:
    assert isinstance(action, Upload), "nothing but uploads is planned for given files"
    before, claim = claimed(facts, action, post.clock())
    done = ended(claim, upload(post.index, facts, action), post.clock())
    said = f": {done.reason}" if done.reason and done.outcome is not AttemptOutcome.ACCEPTED else ""
    post.say(f"{action.words}: {done.outcome.value}{said}")
    return replace(facts, now=done.at, attempts=(*before, done))


def _minted(post: Post, wanted: Wanted, facts: Facts, token: IdToken) -> IndexSpec:
    """The index with the token that it gives for the job's ID token. Raises: TransientError, CredentialsError."""
    spec = wanted.indexes[0]
    seen = facts.indexes[spec.name]
    assert isinstance(seen, Seen), "an upload is planned only after a look at its index"
    minted = post.minter.mint(seen.value.place, token.variable, token.value)
    post.say(f"{spec.name} took the job's ID token (Trusted Publishing)")
    return replace(spec, username="__token__", password=minted)


def _touched(facts: Facts) -> bool:
    return facts.public or any(attempt.outcome in _ARRIVED for attempt in facts.attempts)


def _left(wanted: Wanted, facts: Facts, drawn: Plan, why: str) -> Sending:
    """It ends unproven: as a failure, since nobody comes back to a job by himself."""
    state = ReleaseState.PARTIAL if _touched(facts) else ReleaseState.FAILED
    return _sending(wanted, facts, replace(drawn, state=state, next=f"{why.rstrip('.')}. {AGAIN}"))


def _sending(wanted: Wanted, facts: Facts, drawn: Plan, steps: tuple[Step, ...] = ()) -> Sending:
    files = facts.files.value.files if facts.files else ()
    planned = drawn.state is ReleaseState.PUBLISHING
    release = Release(
        id=wanted.id,
        project=wanted.project.full_path,
        state=ReleaseState.PLANNED if planned else drawn.state,
        created_at=wanted.asked,
        updated_at=facts.now,
        asked_at=wanted.asked,
        due_at=None,
        version=files[0].metadata.version if files else None,
        source=Source.ARTIFACTS,
        source_reason="the files were given to `publish` in the job",
        gates=drawn.gates,
        targets=drawn.targets,
        next=drawn.next,
    )
    return Sending(release=release, facts=facts, receipts=proven_now(facts, wanted), steps=steps)


def _span(delay: timedelta) -> str:
    minutes, seconds = divmod(int(delay.total_seconds()), 60)
    return f"{minutes} min" if not seconds else f"{minutes * 60 + seconds} s"
