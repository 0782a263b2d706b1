"""Traces by OpenTelemetry, sent to a collector over OTLP/HTTP. Imported only where the configuration asks for them.

The library makes spans and their encoding; the sending is ours, by the rules of all our requests: no proxy or address
from the environment, no redirects, an end to every wait. What cannot be sent is lost, and nothing waits for it.
What is said of a span passes the redactor; no body, header, query or exception's text is ever said.
"""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import requests
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Span as OtelSpan
from opentelemetry.trace import SpanKind, Status, StatusCode

from bot.adapters.gitlab.transport import PlainSession
from bot.domain.secrets import Secret
from bot.domain.spans import Fact, SpanName
from bot.log import get
from bot.ports.spans import Span

PATH = "/v1/traces"
DEADLINE = 2.0  # seconds for one sending
LAST_WORDS = 1.0  # seconds for what is left when the process ends
MOST_WAITING = 2048  # spans; more are dropped
AT_ONCE = 512
EVERY = 5_000  # ms
LONGEST = 300  # characters of a fact
KINDS = {SpanName.REQUEST: SpanKind.CLIENT, SpanName.UPLOAD: SpanKind.CLIENT}
# Source: OpenTelemetry semantic conventions, HTTP spans. What has no name there gets one of ours.
NAMES = {"method": "http.request.method", "path": "url.path", "status": "http.response.status_code"}

log = get("traces")


@dataclass(frozen=True, slots=True, kw_only=True)
class Collector:
    """Where traces go: its address without the path, what proves who we are, how it is reached."""

    url: str
    token: Secret | None = None
    ca_file: str | None = None
    proxy: str | None = None


class Traces:
    """Spans for a collector. `sample` is the share of turns and jobs that are traced, from 0 to 1. `close` it."""

    def __init__(self, collector: Collector, *, sample: float, version: str, redact: Callable[[str], str]) -> None:
        self._redact = redact
        self._sender = _Sender(collector)
        # Each limit is named, else it would be looked for in the environment.
        self._provider = TracerProvider(
            sampler=ParentBased(TraceIdRatioBased(sample)),
            resource=Resource({"service.name": "ropewalk", "service.version": version}),
            span_limits=SpanLimits(
                max_attributes=32,
                max_events=0,
                max_links=0,
                max_span_attributes=32,
                max_event_attributes=0,
                max_link_attributes=0,
                max_attribute_length=LONGEST,
                max_span_attribute_length=LONGEST,
            ),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(
            BatchSpanProcessor(
                self._sender,
                max_queue_size=MOST_WAITING,
                schedule_delay_millis=EVERY,
                max_export_batch_size=AT_ONCE,
                export_timeout_millis=DEADLINE * 1000,
            )
        )
        self._tracer = self._provider.get_tracer("ropewalk", version)

    @contextmanager
    def span(self, name: SpanName, **facts: Fact) -> Iterator[Span]:
        """See bot.ports.spans.Spans."""
        with self._tracer.start_as_current_span(
            _title(name, facts),
            kind=KINDS.get(name, SpanKind.INTERNAL),
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            told = _Told(span, self._redact)
            told.tell(**facts)
            try:
                yield told
            except BaseException as error:
                span.set_status(Status(StatusCode.ERROR, type(error).__name__))
                raise

    def close(self) -> None:
        """Send what is left, within seconds."""
        self._sender.hurry()
        self._provider.shutdown()


class _Told:
    """A span under way."""

    def __init__(self, span: OtelSpan, redact: Callable[[str], str]) -> None:
        self._span = span
        self._redact = redact

    def tell(self, **facts: Fact) -> None:
        """See bot.ports.spans.Span."""
        for key, value in facts.items():
            if key == "status" and value == 0:
                continue  # no answer is no status
            said = self._redact(value)[:LONGEST] if isinstance(value, str) else value
            self._span.set_attribute(NAMES.get(key, f"ropewalk.{key}"), said)


class _Sender(SpanExporter):
    """Sends once; what does not arrive is lost. The log hears of the first loss and of the first arrival after it."""

    def __init__(self, collector: Collector) -> None:
        self._url = collector.url + PATH
        self._where = urlsplit(collector.url).netloc
        self._session = PlainSession(DEADLINE)
        self._session.proxies = {"http": collector.proxy, "https": collector.proxy} if collector.proxy else {}
        self._session.verify = collector.ca_file or True
        self._session.headers.update({"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"})
        if collector.token is not None:
            self._session.headers["Authorization"] = f"Bearer {collector.token.reveal()}"
        self._until: float | None = None
        self._losing = False

    def hurry(self) -> None:
        """The process ends: what is not sent within a second is lost."""
        self._until = time.monotonic() + LAST_WORDS

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send a batch."""
        left = DEADLINE if self._until is None else min(self._until - time.monotonic(), DEADLINE)
        if left <= 0:
            return SpanExportResult.FAILURE
        body = gzip.compress(encode_spans(spans).SerializeToString(), 1)
        try:
            with self._session.post(self._url, data=body, timeout=left, allow_redirects=False, stream=True) as answer:
                why = "" if answer.status_code == 200 else f"it answers {answer.status_code}"
        except requests.RequestException as error:
            why = type(error).__name__  # its text may hold headers
        self._tell(why, len(spans))
        return SpanExportResult.FAILURE if why else SpanExportResult.SUCCESS

    def _tell(self, why: str, spans: int) -> None:
        if why and not self._losing:
            log.warning("traces.lost", where=self._where, spans=spans, why=why)
        elif self._losing and not why:
            log.info("traces.sent_again", where=self._where)
        self._losing = bool(why)

    def shutdown(self) -> None:
        """Let go of the connection."""
        self._session.close()


def _title(name: SpanName, facts: Mapping[str, Fact]) -> str:
    """What the span is called: few different ones, so that they can be grouped."""
    if name is SpanName.REQUEST:
        return f"{facts['method']} {facts['endpoint']}"
    more = next((str(facts[key]) for key in ("step", "job", "index") if key in facts), "")
    return f"{name.value} {more}".strip()
