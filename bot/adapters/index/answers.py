"""What an index's answer to an upload means. Pure: the answer in, the outcome and one line out."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from bot.adapters.index.messages import Answered, Unanswered
from bot.domain.releases import AttemptOutcome
from bot.ports.index import Sent

LONGEST_REASON = 300  # characters
_LONGEST_WAIT = 7 * 86_400.0  # seconds; beyond that a server's wish is an error of its own
_LATER = frozenset({408, 425, 429})  # the only refusals that pass by themselves
_DENIALS = frozenset({401, 403})
_FOR_GOOD = frozenset({301, 308, 410})
_SECONDS = re.compile(r"\d{1,12}(?:\.\d{1,6})?")


def classify(answer: Answered, *, now: datetime, redact: Callable[[str], str]) -> Sent:
    """Judge an answer by its status alone; the words only explain it.

    Only 200 and 201 without a web page are acceptance. Other 2xx, redirects, 5xx and statuses that do not exist leave
    it open whether the file arrived.
    """
    reason = one_line(_words(answer), redact)
    wait = parse_retry_after(answer.retry_after, now=now)
    status = answer.status
    if status in (200, 201) and not answer.html:
        return Sent(outcome=AttemptOutcome.ACCEPTED, reason=reason, again=False)
    if status in (200, 201):
        said = f"{status}, but with a web page: something else than the index answered"
        return Sent(outcome=AttemptOutcome.UNCLEAR, reason=said, again=True, retry_after=wait)
    if status in _DENIALS:
        return Sent(outcome=AttemptOutcome.DENIED, reason=reason, again=False)
    if 400 <= status < 500:
        again = status in _LATER
        return Sent(outcome=AttemptOutcome.REFUSED, reason=reason, again=again, retry_after=wait if again else None)
    if 300 <= status < 400 and answer.location:
        reason = one_line(f"{status}: the index sends uploads on to {answer.location}, which twine refuses", redact)
    return Sent(outcome=AttemptOutcome.UNCLEAR, reason=reason, again=status not in _FOR_GOOD, retry_after=wait)


def classify_silence(fault: Unanswered, *, redact: Callable[[str], str]) -> Sent:
    """Judge an upload without an answer: unclear, unless nothing was sent because the file is not what was checked."""
    if fault.fault == "file":
        return Sent(outcome=AttemptOutcome.REFUSED, reason=one_line(fault.what, redact), again=False)
    return Sent(outcome=AttemptOutcome.UNCLEAR, reason=one_line(fault.what, redact), again=fault.fault != "tls")


def parse_retry_after(value: str | None, *, now: datetime) -> float | None:
    """Seconds to wait, from a number or an HTTP date; None for anything else, at most a week.

    Source: RFC 9110, 10.2.3. Decimals are not in it but on the wire.
    """
    if value is None:
        return None
    text = value.strip()
    if _SECONDS.fullmatch(text):
        return min(float(text), _LONGEST_WAIT)
    try:
        when = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return min(max((when - now).total_seconds(), 0.0), _LONGEST_WAIT)


def one_line(text: str, redact: Callable[[str], str]) -> str:
    """`text` on one line, without secrets, control, format or unassigned characters, cut to what a person reads.

    Redacted after the cleaning, which could put a secret together, and before the cut, which could leave half of one.
    """
    kept = "".join(c if unicodedata.category(c)[0] != "C" else " " if c in "\t\r\n\x0b\x0c" else "" for c in text)
    line = redact(" ".join(kept.split()))
    return line if len(line) <= LONGEST_REASON else line[: LONGEST_REASON - 1] + "…"


def _words(answer: Answered) -> str:
    """Status, reason phrase (PyPI explains itself there) and what the body says in JSON or plain text."""
    head = f"{answer.status} {answer.reason}".strip()
    body = "" if answer.html else _message(answer.body.strip())
    return f"{head}: {body}" if body and body not in head else head


def _message(body: str) -> str:
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return "" if body.startswith("<") or "<html" in body.lower() else body
    if isinstance(data, dict):
        for key in ("message", "error", "detail", "title"):
            if data.get(key):
                data = data[key]
                break
    return data if isinstance(data, str) else json.dumps(data)
