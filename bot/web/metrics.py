"""What a scraper of metrics reads: `GET /metrics`, in the text format of Prometheus.

Labels have few values, all of them known: names of limits and states, groups of statuses, kinds of decisions. No
project, path or person ever becomes one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

from bot.domain.readings import BudgetLine, BudgetReading
from bot.domain.releases import AttemptOutcome, ReleaseState
from bot.domain.spans import Fact, SpanName
from bot.domain.tokens import TokenReading
from bot.domain.verdicts import Severity

TURN_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
STEP_SECONDS = (0.1, 0.5, 1, 5, 15, 60, 300)
REQUEST_SECONDS = (0.1, 0.3, 1, 3, 10, 30)
JOB_SECONDS = (0.5, 2, 10, 60, 300, 1800)
HOOK_SECONDS = (0.5, 1, 2, 5, 15, 60, 300)
OUTCOMES = tuple(one for one in AttemptOutcome if one is not AttemptOutcome.CLAIMED)
DECISIONS: Mapping[str, str] = {
    "a release begins": "begun",
    "taken in before": "known",
    "the tag is known already": "known",
    "the branch is known already": "known",
    "woke the release": "woken",
    "woke the release of a deleted tag": "woken",
    "woke the release of a deleted branch": "woken",
    "reopened the release": "reopened",
    "the branch is looked at": "looked_at",
    "the project is looked at": "looked_at",
    "no rule covers the tag": "no_rule",
    "no rule covers the branch": "no_rule",
    "the project is out of scope": "out_of_scope",
    "no release waits for it": "nothing_waits",
    "nothing is released from that tag": "nothing_waits",
    "nothing is released from that branch": "nothing_waits",
    "the release has come to its end": "nothing_waits",
}
"""What the intake says of a hook, as label; everything else it says is `ignored`."""

Sample = tuple[tuple[str, ...], float]
"""The values of a family's labels, and the number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where the numbers come from when somebody asks. `states`, `due`, `findings`, `tokens` and `polled` may raise.

    `polled` is when the last poll was completed, or, before the first, when the daemon started. `findings` counts what
    audits found and is not fixed, `tokens` those that end. `expires` is the day on which the bot's own token ends, if
    GitLab tells one. `indexes` are the names that the configuration gives them.
    """

    version: str
    budget: Callable[[], BudgetReading]
    states: Callable[[], Mapping[str, int]]
    due: Callable[[], int]
    findings: Callable[[], Mapping[Severity, int]]
    polled: Callable[[], datetime]
    clock: Callable[[], datetime]
    tokens: Callable[[], Sequence[TokenReading]] = tuple
    expires: Callable[[], date | None] = lambda: None
    indexes: tuple[str, ...] = ()


class Metrics:
    """The daemon's metrics, in a registry of their own. Safe to share between threads."""

    def __init__(self, sources: Sources) -> None:
        # Else there is a second series for each, which nobody asks for.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library does not say that it takes nothing
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._turns = Histogram(
            "ropewalk_turn_seconds", "How long turns took.", buckets=TURN_SECONDS, registry=registry
        )
        self._steps = Histogram(
            "ropewalk_step_seconds",
            "How long looks and actions of turns took.",
            ["step"],
            buckets=STEP_SECONDS,
            registry=registry,
        )
        self._requests = Histogram(
            "ropewalk_gitlab_request_seconds",
            "How long requests to GitLab took.",
            ["endpoint"],
            buckets=REQUEST_SECONDS,
            registry=registry,
        )
        self._jobs = Histogram(
            "ropewalk_job_seconds", "How long jobs of the timer took.", ["task"], buckets=JOB_SECONDS, registry=registry
        )
        self._uploads = Counter(
            "ropewalk_uploads", "Uploads of files, by how they ended.", ["index", "outcome"], registry=registry
        )
        self._hooks = Counter(
            "ropewalk_hooks", "Authentic hooks, by what was decided.", ["decision"], registry=registry
        )
        self._hook_lag = Histogram(
            "ropewalk_hook_lag_seconds",
            "Time from when GitLab signed a hook until it was stored.",
            buckets=HOOK_SECONDS,
            registry=registry,
        )
        self._hooked = Gauge(
            "ropewalk_hook_last_timestamp_seconds",
            "When (Unix time) a hook was stored last; 0: none since the start.",
            registry=registry,
        )
        # Present from the start, so that a rate over them is never empty.
        for decision in sorted({*DECISIONS.values(), "ignored"}):
            self._hooks.labels(decision)
        for index in sources.indexes:
            for outcome in OUTCOMES:
                self._uploads.labels(index, _word(outcome.value))
        self._clock = sources.clock
        registry.register(_Moment(sources))

    def hook(self, decision: str) -> None:
        """A hook was taken in; `decision` is what the intake said."""
        self._hooks.labels(DECISIONS.get(decision, "ignored")).inc()
        self._hooked.set(self._clock().timestamp())

    def hook_lag(self, seconds: float) -> None:
        """A signed hook was stored so long after GitLab sent it, by GitLab's clock."""
        self._hook_lag.observe(max(seconds, 0))

    def heard(self, name: SpanName, facts: Mapping[str, Fact], seconds: float) -> None:
        """A piece of work ended."""
        match name:
            case SpanName.LOOK | SpanName.ACTION:
                self._steps.labels(str(facts["step"])).observe(seconds)
            case SpanName.REQUEST:
                self._requests.labels(str(facts["endpoint"])).observe(seconds)
            case SpanName.JOB:
                self._jobs.labels(str(facts["job"])).observe(seconds)
            case SpanName.UPLOAD:
                # Without an outcome it ended with an exception: whether it arrived is as unclear.
                outcome = str(facts.get("outcome", AttemptOutcome.UNCLEAR.value))
                self._uploads.labels(str(facts["index"]), _word(outcome)).inc()
            case SpanName.TURN:
                self._turns.observe(seconds)

    def text(self) -> bytes:
        """All of them, now."""
        return generate_latest(self._registry)

    def endpoint(self, request: Request) -> Response:
        """`GET /metrics`."""
        del request
        return Response(self.text(), media_type=CONTENT_TYPE_PLAIN_0_0_4)


class _Moment(Collector):
    """What is looked at when it is asked for."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def describe(self) -> Iterable[Metric]:
        """Nothing in advance: else registering would look already."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """All families."""
        sources = self._sources
        yield _gauge("ropewalk_build_info", "The version that runs.", [((sources.version,), 1)], "version")
        expires = sources.expires()
        if expires is not None:
            said = "When (Unix time) the bot's own token ends."
            yield _gauge("ropewalk_gitlab_token_expiry_timestamp_seconds", said, [((), _begins(expires))])
        yield from _of_budget(sources.budget())
        yield from self._of_state()

    def _of_state(self) -> Iterator[Metric]:
        sources = self._sources
        try:
            states, due, found, polled = sources.states(), sources.due(), sources.findings(), sources.polled()
            tokens = sources.tokens()
        except Exception:  # noqa: BLE001  (whatever the database raises, the other numbers are worth having)
            yield _gauge("ropewalk_state_readable", "Whether the state can be read.", [((), 0)])
            return
        yield _gauge("ropewalk_state_readable", "Whether the state can be read.", [((), 1)])
        counts = [((state.value,), states.get(state.value, 0)) for state in ReleaseState]
        yield _gauge("ropewalk_releases", "Releases on record, by state.", counts, "state")
        yield _gauge("ropewalk_releases_due", "Releases that wait for a turn that could begin now.", [((), due)])
        by_word = [((severity.word,), found.get(severity, 0)) for severity in Severity]
        yield _gauge("ropewalk_findings", "Findings of audits that are not fixed, by severity.", by_word, "severity")
        yield from _of_tokens(tokens)
        lag = (sources.clock() - polled).total_seconds()
        yield _gauge("ropewalk_poll_lag_seconds", "Seconds since the last completed poll, or the start.", [((), lag)])


def _of_tokens(tokens: Sequence[TokenReading]) -> Iterator[Metric]:
    soon = [(_can(one), one.soon) for one in tokens]
    words = "Access and deploy tokens of projects and groups, as audits saw them, that end within 30 days."
    yield _gauge("ropewalk_audited_tokens_expiring", words, soon, "publishes")
    first = [(_can(one), _begins(one.first)) for one in tokens if one.first is not None]
    words = "When (Unix time) the first of these tokens ends."
    yield _gauge("ropewalk_audited_token_expiry_timestamp_seconds", words, first, "publishes")


def _can(one: TokenReading) -> tuple[str]:
    return ("yes" if one.publishes else "no",)


def _begins(day: date) -> float:
    """When a token ends that is good until then: at the beginning of that day, app/models/concerns/expirable.rb."""
    return datetime.combine(day, time(), UTC).timestamp()


def _of_budget(budget: BudgetReading) -> Iterator[Metric]:
    def lines(value: Callable[[BudgetLine], float | None]) -> list[Sample]:
        found = ((line.name, value(line)) for line in budget.lines)
        return [((name,), number) for name, number in found if number is not None]

    requests = [((name, group), count) for name, group, count in budget.requests]
    yield _counter("ropewalk_gitlab_requests", "Requests to GitLab.", requests, "endpoint", "status")
    refused = lines(lambda line: line.refused)
    yield _counter("ropewalk_gitlab_refused", "Requests that GitLab refused for their rate (429).", refused, "limit")
    put_off = lines(lambda line: line.put_off)
    yield _counter("ropewalk_gitlab_put_off", "Requests not made for want of budget.", put_off, "limit")
    left = lines(lambda line: line.left)
    yield _gauge("ropewalk_gitlab_budget_left", "Requests that may be made at once.", left, "limit")
    size = lines(lambda line: line.size)
    yield _gauge("ropewalk_gitlab_budget_size", "The most of them at the present pace.", size, "limit")
    pace = lines(lambda line: None if line.per_minute is None else line.per_minute / 60)
    yield _gauge("ropewalk_gitlab_budget_per_second", "How fast the budget fills.", pace, "limit")
    paused = lines(lambda line: line.paused_until.timestamp() if line.paused_until else 0)
    yield _gauge(
        "ropewalk_gitlab_paused_until_seconds", "Until when (Unix time) nobody calls; 0: now.", paused, "limit"
    )
    if budget.shared is not None:
        yield _gauge(
            "ropewalk_gitlab_budget_processes", "Processes that share the budget.", [((), budget.shared.processes)]
        )
        away = "Whether this process lives on its share, because the database did not answer."
        yield _gauge("ropewalk_gitlab_budget_away", away, [((), int(budget.shared.away))])
        trades = [(("done",), budget.shared.trades), (("failed",), budget.shared.failures)]
        words = "Times that the shared budget was asked for requests."
        yield _counter("ropewalk_gitlab_budget_trades", words, trades, "outcome")


def _word(outcome: str) -> str:
    return outcome.replace(" ", "_")


def _gauge(name: str, words: str, values: Iterable[Sample], *labels: str) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, words, labels=labels)
    for key, value in values:
        family.add_metric(key, value)
    return family


def _counter(name: str, words: str, values: Iterable[Sample], *labels: str) -> CounterMetricFamily:
    family = CounterMetricFamily(name, words, labels=labels)
    for key, value in values:
        family.add_metric(key, value)
    return family
