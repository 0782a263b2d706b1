"""One record is one line, in a fixed form, and no secret reaches the sink in any form it travels in."""

from __future__ import annotations

import base64
import io
import json
import logging
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from urllib.parse import quote

import pytest
import structlog

from bot import log
from bot.domain.refs import RefKind
from bot.domain.secrets import Redactor, Secret
from bot.log import configure, get

PLANTED = 'pl4nted "sécret"/+?value'
FORMS: dict[str, Callable[[str], str]] = {
    "raw": str,
    "base64": lambda value: base64.b64encode(value.encode()).decode(),
    "base64 of user and password": lambda value: base64.b64encode(b"__token__:" + value.encode()).decode(),
    "url-safe base64": lambda value: base64.urlsafe_b64encode(b"x:" + value.encode()).decode(),
    "url quoted": lambda value: quote(value, safe=""),
    "credentials of a URL": lambda value: f"https://user:{quote(value, safe='')}@index.example.com/simple",
    "json": lambda value: json.dumps({"password": value}),
    "hex": lambda value: value.encode().hex(),
}
SHAPES = [
    "glpat-abcdefgh0123456789",
    "gldt-abcdefgh0123456789",
    "pypi-AgEIabcdefghijklmnopqr",
    "whsec_c2VjcmV0c2VjcmV0",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "-----BEGIN PRIVATE KEY-----\nMIIEvQ\n-----END PRIVATE KEY-----",
]
BIDI = "\u202e\u2066\u2028\u0085"


class Output:
    """What was written, in both forms."""

    def __init__(self) -> None:
        self.stream = io.StringIO()
        self.redactor = Redactor([Secret(PLANTED)])

    def configure(self, *, as_json: bool, level: str = "info", color: bool = False) -> None:
        logging.getLogger().handlers = []  # pytest's own handler raises where ours must not
        log.configure(stream=self.stream, json=as_json, level=level, redactor=self.redactor, color=color)

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    def records(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.text.splitlines()]

    def record(self) -> dict[str, object]:
        """The only record, without its time."""
        (record,) = self.records()
        stamp = record.pop("timestamp")
        assert isinstance(stamp, str)
        assert stamp.endswith("Z")
        assert abs(datetime.now(UTC) - datetime.fromisoformat(stamp)) < timedelta(minutes=1)
        return record


@pytest.fixture
def output() -> Iterator[Output]:
    """A log of one's own; what was set up before comes back afterwards."""
    root, hooks = logging.getLogger(), (sys.excepthook, threading.excepthook)
    handlers, level = root.handlers[:], root.level
    yield Output()
    root.handlers, root.level = handlers, level
    sys.excepthook, threading.excepthook = hooks
    logging.captureWarnings(False)
    structlog.reset_defaults()


def test_a_record_is_one_json_object_with_fixed_keys(output: Output) -> None:
    output.configure(as_json=True)
    log.get("bot.engine").info("release.published", project="acme/x", seconds=1.5, files=2, next=None)
    assert list(json.loads(output.text))[:4] == ["timestamp", "level", "logger", "event"]
    assert output.record() == {
        "level": "info",
        "logger": "bot.engine",
        "event": "release.published",
        "project": "acme/x",
        "seconds": 1.5,
        "files": 2,
        "next": None,
    }


def test_values_that_json_does_not_know_are_written_in_the_houses_units(output: Output) -> None:
    output.configure(as_json=True)
    log.get("x").info(
        "some.event",
        at=datetime(2026, 1, 31, 13, tzinfo=timezone(timedelta(hours=1))),
        after=timedelta(minutes=2),
        kind=RefKind.TAG,
        path=Path("/var/lib"),
        secret=Secret("some other secret"),
        many=("a", 1, {"k": Path("v")}),
    )
    record = output.record()
    assert {key: record[key] for key in ("at", "after", "kind", "path", "secret", "many")} == {
        "at": "2026-01-31T12:00:00.000Z",
        "after": 120.0,
        "kind": "tag",
        "path": "/var/lib",
        "secret": "[hidden]",
        "many": ["a", 1, {"k": "v"}],
    }


def _say(secret: str) -> None:
    """Every way a text can take into the log."""
    logger = log.get("bot.x")
    logger.info("key.value", value=secret, nested={"deep": [secret]}, **{secret: "as a key"})
    logger.info(f"event.{secret}")
    logging.getLogger("library").warning("said %s", secret)
    with structlog.contextvars.bound_contextvars(bound=secret):
        logger.warning("context.bound")
    try:
        try:
            raise LookupError(secret)
        except LookupError as cause:
            raise RuntimeError(f"failed with {secret}") from cause
    except RuntimeError:
        logger.exception("step.failed")


@pytest.mark.parametrize("as_json", [True, False], ids=["json", "console"])
@pytest.mark.parametrize("form", FORMS)
def test_a_planted_secret_is_hidden_in_every_form(output: Output, as_json: bool, form: str) -> None:
    output.configure(as_json=as_json, color=not as_json)
    _say(FORMS[form](PLANTED))
    assert "[hidden]" in output.text
    seen = output.text + json.dumps([*map(str, output.records())], ensure_ascii=False) if as_json else output.text
    for other in (*FORMS.values(), lambda value: json.dumps(value)[1:-1], repr):
        assert other(PLANTED) not in seen
    assert "pl4nted" not in seen


@pytest.mark.parametrize("as_json", [True, False], ids=["json", "console"])
@pytest.mark.parametrize("secret", SHAPES)
def test_a_token_nobody_told_us_about_is_hidden_by_its_shape(output: Output, as_json: bool, secret: str) -> None:
    output.configure(as_json=as_json)
    _say(secret)
    assert "[hidden]" in output.text
    assert secret not in output.text
    assert secret.splitlines()[-2 if "\n" in secret else 0] not in output.text


def test_the_redactor_may_learn_later(output: Output) -> None:
    output.configure(as_json=True)
    output.redactor.add(Secret("learnt afterwards"))
    log.get("x").info("some.event", value="learnt afterwards")
    assert output.record()["value"] == "[hidden]"


def test_json_stays_json_whatever_is_written(output: Output) -> None:
    output.configure(as_json=True)
    foreign = "a\r\n\x00\x1b[2J\x7f\udcff" + BIDI + '"\\'
    log.get("x").info("some.event", value=foreign, **{foreign: foreign})
    assert output.text.isascii()
    assert output.text.rstrip("\n").isprintable()
    assert len(output.records()) == 1


@pytest.mark.parametrize("where", ["value", "event", "key", "nested", "library", "exception key"])
def test_on_a_terminal_foreign_text_cannot_begin_a_line_or_send_control_characters(output: Output, where: str) -> None:
    output.configure(as_json=False)
    foreign = "tag\r\n2026-01-01T00:00:00Z [info] forged\x1b[2J\x9b" + BIDI
    logger = log.get("x")
    match where:
        case "value":
            logger.info("some.event", value=foreign)
        case "event":
            logger.info(foreign)
        case "key":
            logger.info("some.event", **{foreign: 1})
        case "nested":
            logger.info("some.event", value=[{foreign: foreign}])
        case "library":
            logging.getLogger(foreign).error(foreign)
        case _:
            logger.info("some.event", exception=foreign, stack=foreign)
    assert output.text.count("\n") == 1
    assert output.text.rstrip("\n").isprintable()
    assert "forged" in output.text


def test_a_traceback_is_told_without_locals_and_its_lines_are_marked(output: Output) -> None:
    output.configure(as_json=False)
    hidden_local = "a local value"
    try:
        raise ValueError("boom\n2026-01-01T00:00:00Z [info] forged\r\x1b[2J")
    except ValueError:
        log.get("x").exception("step.failed", length=len(hidden_local))
    first, *rest = output.text.splitlines()
    assert "step.failed" in first
    assert all(line.startswith("    | ") and line.isprintable() for line in rest)
    assert any("ValueError: boom" in line for line in rest)
    assert "a local value" not in output.text


def test_libraries_are_heard_from_warning_on_through_the_same_chain(output: Output) -> None:
    output.configure(as_json=True, level="debug")
    library = logging.getLogger("some.library")
    library.info("quiet")
    library.warning("loud %d", 7)
    library.warning("%d does not fit", "text")
    assert [(r["level"], r["logger"], r["event"], r["message"]) for r in output.records()] == [
        ("warning", "some.library", "library.logged", "loud 7"),
        ("warning", "some.library", "library.logged", "%d does not fit"),
    ]


def test_python_warnings_take_the_same_way(output: Output) -> None:
    output.configure(as_json=True)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(False)
        logging.captureWarnings(True)
        warnings.warn(f"careful with {PLANTED}", stacklevel=1)
    assert output.record()["event"] == "library.logged"
    assert "pl4nted" not in output.text


def test_a_second_set_up_replaces_the_first(output: Output) -> None:
    output.configure(as_json=True)
    logger = log.get("x")
    output.configure(as_json=True, level="error")
    logger.warning("not.heard")
    logging.getLogger("library").warning("once")
    assert [record["event"] for record in output.records()] == ["library.logged"]


def test_a_crash_of_a_thread_or_the_process_is_a_record(output: Output) -> None:
    output.configure(as_json=True)

    def crash() -> None:
        raise ValueError(PLANTED)

    thread = threading.Thread(target=crash, name="worker")
    thread.start()
    thread.join()
    error = RuntimeError("at the end")
    sys.excepthook(RuntimeError, error, None)
    assert [(r["event"], r["level"]) for r in output.records()] == [
        ("thread.crashed", "critical"),
        ("process.crashed", "critical"),
    ]
    assert "ValueError: [hidden]" in output.text


def test_before_the_set_up_records_go_to_stderr_by_the_same_rules(
    output: Output, capsys: pytest.CaptureFixture[str]
) -> None:
    assert isinstance(output, Output)
    structlog.reset_defaults()
    log.get("early").info("not.heard")
    log.get("early").warning("early.bird", value="glpat-abcdefgh0123456789")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert json.loads(captured.err)["value"] == "[hidden]"


def test_records_of_many_threads_do_not_mix(output: Output) -> None:
    output.configure(as_json=True)

    def talk(number: int) -> None:
        for turn in range(50):
            log.get("x").info("some.event", number=number, turn=turn, text="x" * 500)

    threads = [threading.Thread(target=talk, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {(r["number"], r["turn"]) for r in output.records()} == {(n, t) for n in range(4) for t in range(50)}


def test_a_stream_that_knows_ascii_only_gets_escapes(output: Output) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    log.configure(stream=stream, json=False, level="info", redactor=Redactor(), color=False)
    log.get("x").info("some.event", value="größe")
    assert b"gr\\xf6\\xdfe" in raw.getvalue()


def test_an_unknown_level_is_refused(output: Output) -> None:
    with pytest.raises(ValueError, match="no log level"):
        output.configure(as_json=True, level="loud")


def test_a_stream_that_is_closed_stops_nothing() -> None:
    stream = io.StringIO()
    configure(stream=stream, json=True, level="info", redactor=Redactor(), color=False)
    stream.close()
    get("bot").info("release.published", project="acme/widget")
