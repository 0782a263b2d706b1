"""Traces as a collector receives them over OTLP/HTTP: what is in them, what never is, and what losing them costs."""

from __future__ import annotations

import contextlib
import gzip
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from bot.adapters.telemetry.hub import Hub
from bot.adapters.telemetry.otlp import AT_ONCE, DEADLINE, LAST_WORDS, Collector, Traces
from bot.domain.errors import RefusedError
from bot.domain.releases import ReleaseState
from bot.domain.secrets import Redactor, Secret
from bot.domain.spans import SpanName
from tests.contract.hostile import SHORT, Asked, Hostile, api, hostile, reply
from tests.contract.turn_bench import Bench, planned

TOKEN = Secret("a-token-for-the-collector")
PLANTED = Secret("glpat-planted-secret-0001")


def traces(url: str, *, sample: float = 1.0) -> Traces:
    redactor = Redactor([PLANTED])
    return Traces(Collector(url=url, token=TOKEN), sample=sample, version="1.2.3", redact=redactor.redact)


def heard(told: Traces) -> Hub:
    hub = Hub()
    hub.add(told)
    return hub


def received(server: Hostile) -> list[Span]:
    """All spans that came, decoded by the protocol's own definition."""
    found = []
    for asked in server.asked:
        message = ExportTraceServiceRequest.FromString(gzip.decompress(asked.body))
        for resource in message.resource_spans:
            names = {one.key: one.value.string_value for one in resource.resource.attributes}
            assert names == {"service.name": "ropewalk", "service.version": "1.2.3"}
            found += [span for scope in resource.scope_spans for span in scope.spans]
    return found


def facts(span: Span) -> dict[str, str | int]:
    return {
        one.key: one.value.string_value if one.value.HasField("string_value") else one.value.int_value
        for one in span.attributes
    }


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hostile]:
    """A collector, and an environment that would lead everything elsewhere."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "OTEL_EXPORTER_OTLP_ENDPOINT"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-smuggled=1")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "smuggled=1")
    monkeypatch.setenv("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "1")
    with hostile(lambda _: reply(200)) as server:
        yield server


def test_a_turn_is_one_trace_of_its_looks_and_actions(collector: Hostile, tmp_path: Path) -> None:
    told = traces(collector.url)
    bench = Bench(folder=tmp_path, spans=heard(told))
    with told.span(SpanName.TURN, project="acme/widget", ref="v1.1.0", turn=0) as span:
        assert bench.turn(planned()).state is ReleaseState.PUBLISHED
        span.tell(state="published")
    told.close()
    spans = received(collector)
    (turn,) = (one for one in spans if not one.parent_span_id)
    assert (turn.name, facts(turn)) == (
        "turn",
        {
            "ropewalk.project": "acme/widget",
            "ropewalk.ref": "v1.1.0",
            "ropewalk.turn": 0,
            "ropewalk.state": "published",
        },
    )
    parts = [one for one in spans if one is not turn]
    assert {one.parent_span_id for one in parts} == {turn.span_id}
    assert {one.trace_id for one in spans} == {turn.trace_id}
    assert {"look ref", "look index", "action upload", "action create_release"} <= {one.name for one in parts}
    upload = next(one for one in parts if one.name == "action upload")
    assert facts(upload)["ropewalk.outcome"] == "accepted"


def test_requests_to_gitlab_stand_in_it_without_host_query_or_token(collector: Hostile) -> None:
    told = traces(collector.url)
    with hostile(lambda _: reply(404, {"message": "no"})) as gitlab:
        one = api(gitlab.url, SHORT, spans=heard(told))
        with contextlib.suppress(RefusedError):
            one.send("post", "/projects/7/repository/tags", {"message": "a body"})
        one.get("/projects/7/repository/tags/v1", search="a-word")
    told.close()
    write, read = received(collector)
    assert (read.name, read.kind) == ("GET reads", Span.SPAN_KIND_CLIENT)
    assert facts(read) == {
        "ropewalk.endpoint": "reads",
        "http.request.method": "GET",
        "url.path": "/projects/7/repository/tags/v1",
        "http.response.status_code": 404,
    }
    assert (write.status.code, write.status.message) == (Status.STATUS_CODE_ERROR, "RefusedError")
    assert not write.events, "no exception with its text"
    (asked,) = collector.asked
    text = gzip.decompress(asked.body)
    assert not [word for word in (b"127.0.0.1", b"a-word", b"a body", b"Bearer") if word in text]


def test_what_is_sent_goes_where_the_configuration_says(collector: Hostile) -> None:
    told = traces(collector.url)
    with told.span(SpanName.JOB, job="poll"):
        pass
    told.close()
    (asked,) = collector.asked
    assert (asked.method, asked.target) == ("POST", "/v1/traces")
    assert asked.headers["authorization"] == f"Bearer {TOKEN.reveal()}"
    assert asked.headers["content-type"] == "application/x-protobuf"
    assert "x-smuggled" not in asked.headers


def test_secrets_are_taken_out_and_texts_have_an_end(collector: Hostile) -> None:
    told = traces(collector.url)
    with told.span(SpanName.JOB, job="poll") as span:
        span.tell(project=f"acme/{PLANTED.reveal()}", ref="x" * 5000)
    told.close()
    (one,) = received(collector)
    assert PLANTED.reveal() not in str(one)
    assert len(str(facts(one)["ropewalk.ref"])) == 300


def test_the_share_is_heeded_and_holds_for_whole_traces(collector: Hostile) -> None:
    told = traces(collector.url, sample=0.5)
    for _ in range(200):
        with told.span(SpanName.TURN), told.span(SpanName.LOOK, step="ref"):
            pass
    told.close()
    spans = received(collector)
    assert 120 < len(spans) < 280, "half of 400, give or take six standard deviations"
    roots = {one.trace_id for one in spans if not one.parent_span_id}
    assert {one.trace_id for one in spans} == roots
    assert len(spans) == 2 * len(roots)


def test_a_collector_that_redirects_gets_no_token_elsewhere() -> None:
    with hostile(lambda _: reply(200)) as elsewhere:
        to = f"{elsewhere.url}/v1/traces"
        with hostile(lambda _: reply(307, Location=to)) as server:
            told = traces(server.url)
            with told.span(SpanName.JOB, job="poll"):
                pass
            told.close()
        assert len(server.asked) == 1
        assert elsewhere.asked == []


def never(asked: Asked) -> bytes:
    threading.Event().wait(DEADLINE + LAST_WORDS + 2)
    return reply(200)


@pytest.mark.slow
def test_a_collector_that_is_gone_or_silent_holds_nobody_up() -> None:
    """Neither the work that is traced nor the end of the process: it stops within ten seconds in all."""
    with hostile(never) as silent:
        for url in ("http://127.0.0.1:9", silent.url):
            told = traces(url)
            began = time.monotonic()
            for _ in range(AT_ONCE + 1):  # a full batch is sent at once, from a thread of its own
                with told.span(SpanName.LOOK, step="ref"):
                    pass
            assert time.monotonic() - began < DEADLINE
            began = time.monotonic()
            told.close()
            assert time.monotonic() - began < DEADLINE + LAST_WORDS + 0.5


OFF = """
import sys
from datetime import UTC, datetime
from pathlib import Path
import bot.app, bot.cli.instruments, bot.cli.serve, bot.web.server
from bot.engine.runner import Runner
runner = Runner(queue=None, turn=None, clock=lambda: datetime.now(UTC), workers=1, path=Path(sys.argv[1]))
runner.start()
runner.stop(1)
print(sorted(name for name in sys.modules if name.startswith(("opentelemetry", "google"))))
"""


@pytest.mark.slow
def test_without_telemetry_nothing_of_it_is_imported(used: Path, tmp_path: Path) -> None:
    """Neither by us nor by the engine, which would use it where it is installed."""
    place = tmp_path / "engine.db"
    place.write_bytes(used.read_bytes())
    done = subprocess.run(
        [sys.executable, "-c", OFF, str(place)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr
