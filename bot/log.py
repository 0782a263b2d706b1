"""Logging, set up once: fixed event names, typed loggers, and nothing that reaches a sink without being redacted.

A record is one line: JSON, or coloured text on a terminal. Text that others wrote (a tag's name, an index's answer)
cannot begin a line of its own; the lines of a traceback on a terminal are marked as such. What libraries log through
the standard library, from WARNING on, takes the same way out as the event `library.logged`.
"""

from __future__ import annotations

import logging
import sys
import threading
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import Enum
from json import dumps
from types import TracebackType
from typing import TextIO, cast

import structlog
from structlog.typing import EventDict, ExcInfo, FilteringBoundLogger, Processor, WrappedLogger

from bot.domain.secrets import Redactor

_TRACEBACK_MARK = "    | "
_NAME_KEY = "logger_name"  # structlog keeps `logger` for itself; records are written with `logger`
_FIRST_KEYS = ("timestamp", "level", "logger", "event")


def configure(*, stream: TextIO, json: bool, level: str, redactor: Redactor, color: bool) -> None:
    """Send all records from `level` on (`debug` … `critical`) to `stream`; calling it again replaces the set-up.

    `json` writes one object per line, else text for a terminal, with `color` if wanted. `redactor` may learn more
    secrets later. Raises: ValueError for a level that does not exist.
    """
    number = logging.getLevelNamesMapping().get(level.upper())
    if number is None:
        raise ValueError(f"{level!r} is no log level; use debug, info, warning, error or critical")
    sink = _Sink(stream, redactor, json=json, color=color)
    _install(sink, number)
    handler = _LibraryHandler(sink)
    root = logging.getLogger()
    root.handlers = [*(other for other in root.handlers if not isinstance(other, _LibraryHandler)), handler]
    root.setLevel(logging.WARNING)
    logging.captureWarnings(True)
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread


def get(name: str) -> FilteringBoundLogger:
    """The logger of a module. Call it with a fixed event name and keys: `log.info("release.published", project=…)`."""
    if not structlog.is_configured():
        # Before the set-up, warnings go to stderr by the same rules; structlog's own default prints to stdout, raw.
        _install(_Sink(None, Redactor(), json=True, color=False), logging.WARNING)
    return cast(FilteringBoundLogger, structlog.get_logger(**{_NAME_KEY: name}))


def _install(sink: _Sink, level: int) -> None:
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, structlog.processors.add_log_level, sink],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.ReturnLoggerFactory(),
        cache_logger_on_first_use=False,
    )


class _Sink:
    """The last step of the chain: makes a record one line, takes the secrets out, writes it."""

    def __init__(self, stream: TextIO | None, redactor: Redactor, *, json: bool, color: bool) -> None:
        self._stream = stream
        self._redactor = redactor
        self._json = json
        self._console: Processor = structlog.dev.ConsoleRenderer(colors=color, pad_event_to=28, sort_keys=False)
        self._lock = threading.Lock()

    def __call__(self, _logger: WrappedLogger, _method: str, record: EventDict) -> str:
        """Write one record. It returns an empty text, which structlog's return logger hands to the caller."""
        record = {"logger" if key == _NAME_KEY else key: value for key, value in record.items()}
        trace = _trace(record.pop("exc_info", None))
        record.setdefault("timestamp", _rfc3339(datetime.now(UTC)))  # noqa: TID251  (a record's own time)
        # Values first, before quoting can change a secret's spelling; the whole line again, for what spans values.
        clean = {self._text(key): self._plain(value) for key, value in record.items()}
        line = self._as_json(clean, trace) if self._json else self._as_text(clean, trace)
        self._write(self._redactor.redact(line) + "\n")
        return ""

    def _as_json(self, record: dict[str, object], trace: str) -> str:
        ordered = {key: record[key] for key in _FIRST_KEYS if key in record} | record
        if trace:
            ordered["exception"] = self._plain(trace)
        return dumps(ordered, ensure_ascii=True).replace("\x7f", "\\u007f")

    def _as_text(self, record: dict[str, object], trace: str) -> str:
        shown = {visible(key): visible(value) if isinstance(value, str) else value for key, value in record.items()}
        line = str(self._console(None, "", shown))
        # The renderer begins a new line before a key called `exception` or `stack`.
        lines = [" ".join(line.split("\n"))]
        lines += [_TRACEBACK_MARK + visible(part) for part in self._redactor.redact(trace).splitlines()]
        return "\n".join(lines)

    def _plain(self, value: object) -> object:
        """A value that JSON knows: times in RFC 3339, spans in seconds, everything else as redacted text."""
        match value:
            case None | bool() | int() | float() if not isinstance(value, Enum):
                return value
            case datetime():
                return _rfc3339(value)
            case timedelta():
                return value.total_seconds()
            case Enum():
                return self._plain(value.value)
            case Mapping():
                return {self._text(key): self._plain(child) for key, child in value.items()}
            case list() | tuple() | set() | frozenset():
                return [self._plain(child) for child in value]
            case _:
                return self._text(value)

    def _text(self, value: object) -> str:
        # Lone surrogates (undecodable file names) are no JSON text for a strict reader.
        return self._redactor.redact(str(value)).encode("utf-8", "backslashreplace").decode()

    def _write(self, text: str) -> None:
        stream = self._stream if self._stream is not None else sys.stderr
        encoding = stream.encoding or "utf-8"
        try:
            with self._lock:
                stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
                stream.flush()
        except (OSError, ValueError):  # ValueError: the stream is closed
            # A full disk or a closed pipe beneath the log is no reason to leave a release half done; the ledger, not
            # the log, is the evidence. There is no other place to tell it.
            return


class _LibraryHandler(logging.Handler):
    """Brings the records of the standard library's logging to our sink."""

    def __init__(self, sink: _Sink) -> None:
        super().__init__(logging.WARNING)
        self._sink = sink

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record as `library.logged`."""
        try:
            message = record.getMessage()
        except (TypeError, ValueError, KeyError):  # arguments that do not fit their format
            message = str(record.msg)
        event: EventDict = {"event": "library.logged", "level": record.levelname.lower(), "logger": record.name}
        self._sink(None, "", {**event, "message": message, "exc_info": record.exc_info})


def visible(text: str) -> str:
    """`text` on one line: control and bidi characters, line separators and the like as escapes."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode("ascii") for c in text
    )


def _rfc3339(moment: datetime) -> str:
    """UTC with milliseconds and `Z`; a time without offset is taken as UTC."""
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _trace(given: object) -> str:
    """The traceback that `exc_info` stands for (true, an exception, or a triple), without locals; "" for none."""
    match given:
        case BaseException():
            error: BaseException | None = given
        case tuple():
            error = given[1]
        case _:
            error = sys.exc_info()[1] if given else None
    return "".join(traceback.format_exception(error)) if error is not None else ""


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Replaces `sys.excepthook`, which would print the traceback raw."""
    if issubclass(kind, KeyboardInterrupt):
        return
    crash: ExcInfo = (kind, error, trace)
    get(__name__).critical("process.crashed", exc_info=crash)


def _uncaught_in_thread(crash: threading.ExceptHookArgs) -> None:
    """Replaces `threading.excepthook`, for the same reason."""
    if crash.exc_value is None or issubclass(crash.exc_type, SystemExit):
        return
    get(__name__).critical("thread.crashed", thread=crash.thread.name if crash.thread else "", exc_info=crash.exc_value)
