"""`GET /metrics` as a scraper reads it."""

from __future__ import annotations

import asyncio
import inspect
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import httpx
import pytest
from anyio import to_thread
from prometheus_client.parser import text_string_to_metric_families
from starlette.concurrency import run_in_threadpool

from bot.domain.readings import BudgetReading, SharedBudgetReading
from bot.domain.releases import ReleaseState
from bot.domain.spans import SpanName
from bot.domain.tokens import TokenReading
from bot.domain.verdicts import Severity
from bot.watch import intake as decisions
from bot.web.hooks import Intake, Taken
from bot.web.metrics import DECISIONS, Metrics, Sources
from bot.web.ops import Health
from bot.web.server import application
from tests.contract.hook_server import StateError
from tests.unit.readings_made import BUDGET, PAUSED
from tests.unit.release_facts import NOON

Labels = tuple[tuple[str, str], ...]


def made(
    states: Callable[[], Mapping[str, int]] = lambda: {"published": 3, "waiting": 1},
    budget: BudgetReading = BUDGET,
    expires: date | None = None,
) -> Metrics:
    return Metrics(
        Sources(
            version="0.1.0",
            budget=lambda: budget,
            states=states,
            due=lambda: 2,
            findings=lambda: {Severity.HIGH: 4},
            tokens=lambda: TOKENS,
            expires=lambda: expires,
            indexes=("registry", "pypi"),
            polled=lambda: NOON - timedelta(seconds=90),
            clock=lambda: NOON,
        )
    )


TOKENS = (
    TokenReading(publishes=True, soon=2, first=date(2026, 12, 3)),
    TokenReading(publishes=False, soon=0, first=None),
)


def broken() -> Mapping[str, int]:
    raise StateError("database is locked: /secret/path")


def read(text: str) -> dict[tuple[str, Labels], float]:
    """All samples, by name and labels."""
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {(sample.name, tuple(sorted(sample.labels.items()))): sample.value for sample in samples}


def scrape(metrics: Metrics) -> dict[tuple[str, Labels], float]:
    return read(metrics.text().decode())


def of(samples: dict[tuple[str, Labels], float], name: str, **labels: str) -> float:
    return samples[name, tuple(sorted(labels.items()))]


async def asked(path: str) -> httpx.Response:
    """What the daemon's listener answers."""
    intake = Intake(
        secret=None,
        take=lambda _: Taken(""),
        remember=lambda given: [True] * len(given),
        poll_now=lambda: None,
        gitlab_now=lambda: NOON,
    )
    health = Health(heartbeat=lambda: NOON, polled=lambda: NOON, store=int, clock=lambda: NOON)
    transport = httpx.ASGITransport(application(intake, health, metrics=made()))
    async with httpx.AsyncClient(transport=transport, base_url="http://bot") as client:
        return await client.get(path)


def test_the_listener_serves_them_beside_health() -> None:
    answer = asyncio.run(asked("/metrics"))
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert of(read(answer.text), "ropewalk_build_info", version="0.1.0") == 1
    assert asyncio.run(asked("/livez")).status_code == 200


@pytest.mark.parametrize(
    ("path", "told"), [("/readyz", "checks"), ("/metrics", "ropewalk_releases"), ("/livez", "alive")]
)
def test_no_page_keeps_health_or_metrics_waiting(path: str, told: str) -> None:
    """Every thread that pages may take is taken, and none comes back before the answer is there."""
    gate = threading.Event()

    async def story() -> httpx.Response:
        threads = to_thread.current_default_thread_limiter()
        threads.total_tokens = 2
        pages = [asyncio.create_task(run_in_threadpool(gate.wait, 30)) for _ in range(3)]
        while threads.available_tokens:
            await asyncio.sleep(0)
        try:
            return await asyncio.wait_for(asked(path), 10)
        finally:
            gate.set()
            await asyncio.gather(*pages)

    assert told in asyncio.run(story()).text


def test_the_budget_is_shown_by_limit_and_requests_by_answer() -> None:
    samples = scrape(made())
    assert of(samples, "ropewalk_gitlab_requests_total", endpoint="notes", status="429") == 2
    assert of(samples, "ropewalk_gitlab_requests_total", endpoint="reads", status="2xx") == 7
    assert of(samples, "ropewalk_gitlab_budget_left", limit="api") == 7
    assert of(samples, "ropewalk_gitlab_budget_size", limit="api") == 15
    assert of(samples, "ropewalk_gitlab_budget_per_second", limit="api") == 0.75
    assert of(samples, "ropewalk_gitlab_refused_total", limit="notes") == 2
    assert of(samples, "ropewalk_gitlab_put_off_total", limit="notes") == 41
    assert of(samples, "ropewalk_gitlab_paused_until_seconds", limit="notes") == PAUSED.timestamp()
    assert of(samples, "ropewalk_gitlab_paused_until_seconds", limit="api") == 0
    assert ("ropewalk_gitlab_budget_left", (("limit", "reads"),)) not in samples, "no limit is known there"


def test_a_budget_that_replicas_share_says_so() -> None:
    assert not [name for name, _ in scrape(made()) if "processes" in name]
    shared = SharedBudgetReading(processes=4, away=True, trades=9, failures=1)
    samples = scrape(made(budget=replace(BUDGET, shared=shared)))
    assert of(samples, "ropewalk_gitlab_budget_processes") == 4
    assert of(samples, "ropewalk_gitlab_budget_away") == 1
    assert of(samples, "ropewalk_gitlab_budget_trades_total", outcome="done") == 9
    assert of(samples, "ropewalk_gitlab_budget_trades_total", outcome="failed") == 1


def test_releases_polls_and_turns_are_shown() -> None:
    metrics = made()
    for seconds in (0.2, 0.2, 7):
        metrics.heard(SpanName.TURN, {"project": "acme/widget"}, seconds)
    samples = scrape(metrics)
    counts = {state: of(samples, "ropewalk_releases", state=state.value) for state in ReleaseState}
    assert counts == dict.fromkeys(ReleaseState, 0) | {ReleaseState.PUBLISHED: 3, ReleaseState.WAITING: 1}
    assert of(samples, "ropewalk_releases_due") == 2
    assert of(samples, "ropewalk_poll_lag_seconds") == 90
    assert of(samples, "ropewalk_turn_seconds_count") == 3
    assert of(samples, "ropewalk_turn_seconds_bucket", le="0.25") == 2
    assert of(samples, "ropewalk_turn_seconds_bucket", le="10.0") == 3


def test_steps_requests_jobs_and_uploads_are_shown() -> None:
    metrics = made()
    for outcome in ("accepted", "accepted", "put off"):
        metrics.heard(SpanName.UPLOAD, {"index": "pypi", "file": "widget-1.whl", "outcome": outcome}, 3)
    metrics.heard(SpanName.UPLOAD, {"index": "registry", "file": "widget-1.whl"}, 3)
    metrics.heard(SpanName.LOOK, {"step": "ref"}, 0.2)
    metrics.heard(SpanName.ACTION, {"step": "create_release", "target": "gitlab_release", "outcome": "accepted"}, 2)
    metrics.heard(SpanName.REQUEST, {"endpoint": "reads", "method": "GET", "path": "/x", "status": 200}, 0.5)
    metrics.heard(SpanName.JOB, {"job": "poll"}, 4)
    samples = scrape(metrics)
    uploads = {key: value for (name, key), value in samples.items() if name == "ropewalk_uploads_total" and value}
    assert uploads == {
        (("index", "pypi"), ("outcome", "accepted")): 2,
        (("index", "pypi"), ("outcome", "put_off")): 1,
        (("index", "registry"), ("outcome", "unclear")): 1,
    }
    assert of(samples, "ropewalk_uploads_total", index="pypi", outcome="denied") == 0, "there from the start"
    assert of(samples, "ropewalk_step_seconds_bucket", step="ref", le="0.5") == 1
    assert of(samples, "ropewalk_step_seconds_sum", step="create_release") == 2
    assert of(samples, "ropewalk_gitlab_request_seconds_count", endpoint="reads") == 1
    assert of(samples, "ropewalk_job_seconds_bucket", task="poll", le="10.0") == 1
    text = metrics.text().decode()
    assert "widget" not in text and "/x" not in text, "no name of a project or file becomes a label"


def test_tokens_that_end_are_shown_by_whether_they_can_publish() -> None:
    samples = scrape(made())
    assert of(samples, "ropewalk_audited_tokens_expiring", publishes="yes") == 2
    assert of(samples, "ropewalk_audited_tokens_expiring", publishes="no") == 0
    name = "ropewalk_audited_token_expiry_timestamp_seconds"
    assert of(samples, name, publishes="yes") == datetime(2026, 12, 3, tzinfo=UTC).timestamp()
    assert (name, (("publishes", "no"),)) not in samples, "none of those ends"


def test_findings_hooks_and_the_end_of_the_token_are_shown() -> None:
    metrics = made(expires=date(2031, 5, 6))
    metrics.hook("a release begins")
    for seconds in (0.4, -2, 70):
        metrics.hook_lag(seconds)
    samples = scrape(metrics)
    assert {one.word: of(samples, "ropewalk_findings", severity=one.word) for one in Severity} == {
        "info": 0,
        "low": 0,
        "medium": 0,
        "high": 4,
    }
    assert of(samples, "ropewalk_hook_last_timestamp_seconds") == NOON.timestamp()
    assert of(samples, "ropewalk_hook_lag_seconds_bucket", le="0.5") == 2, "clocks that differ a little make no lag"
    ends = datetime(2031, 5, 6, tzinfo=UTC).timestamp()
    assert of(samples, "ropewalk_gitlab_token_expiry_timestamp_seconds") == ends
    assert "gitlab_token_expiry" not in made().text().decode(), "nobody knows when that one ends"


def test_the_process_is_shown() -> None:
    samples = scrape(made())
    assert of(samples, "process_resident_memory_bytes") > 0
    assert of(samples, "process_start_time_seconds") > 0


def test_a_state_that_cannot_be_read_hides_only_what_stands_in_it() -> None:
    text = made(broken).text().decode()
    samples = read(text)
    assert of(samples, "ropewalk_state_readable") == 0
    assert of(scrape(made()), "ropewalk_state_readable") == 1
    assert of(samples, "ropewalk_gitlab_budget_left", limit="api") == 7
    assert "ropewalk_releases" not in text
    assert "secret" not in text


def test_whatever_hooks_say_the_number_of_series_stays() -> None:
    metrics = made()
    before = scrape(metrics).keys()
    for number in range(1000):
        metrics.hook(f"event{number} events start nothing")
    for decision in DECISIONS:
        metrics.hook(decision)
    samples = scrape(metrics)
    assert {key for key in samples if not key[0].endswith("_created")} == {
        key for key in before if not key[0].endswith("_created")
    }
    assert of(samples, "ropewalk_hooks_total", decision="ignored") == 1000
    for label in set(DECISIONS.values()):
        assert of(samples, "ropewalk_hooks_total", decision=label) == list(DECISIONS.values()).count(label)


def test_the_decisions_that_have_a_name_are_those_the_intake_makes() -> None:
    source = inspect.getsource(decisions)
    spelled = {words: (words, re.sub(r"\b(tag|branch)\b", "{word}", words)) for words in DECISIONS}
    assert [words for words, ways in spelled.items() if not any(way + '"' in source for way in ways)] == []
