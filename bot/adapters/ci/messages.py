"""What parent and child say to each other: a text in, facts as JSON out. Not pickle: the child reads hostile text."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cache
from typing import BinaryIO

from pydantic import TypeAdapter

from bot.domain.ci import CiFacts, CiUnknown

READY = b"R"
LONGEST_ANSWER = 64 << 20  # bytes; scripts are bounded at 4 MiB, and facts hold each twice
_HEAD = struct.Struct("!cI")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A file to read."""

    text: str
    merged: bool


@cache  # made when needed: most commands read no CI file
def _facts() -> TypeAdapter[CiFacts]:
    return TypeAdapter(CiFacts)


@cache
def _unknown() -> TypeAdapter[CiUnknown]:
    return TypeAdapter(CiUnknown)


def job_message(job: Job) -> bytes:
    """The bytes of a job. Raises: UnicodeEncodeError."""
    data = job.text.encode()
    return _HEAD.pack(b"M" if job.merged else b"P", len(data)) + data


def read_job(source: BinaryIO) -> Job | None:
    """The next job; None when the parent is gone or ends it."""
    head = source.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    kind, length = _HEAD.unpack(head)
    data = source.read(length)
    return None if len(data) < length else Job(text=data.decode(), merged=kind == b"M")


def write_answer(sink: BinaryIO, facts: CiFacts | CiUnknown) -> None:
    """Send what was read."""
    known = isinstance(facts, CiFacts)
    data = _facts().dump_json(facts) if isinstance(facts, CiFacts) else _unknown().dump_json(facts)
    sink.write(_HEAD.pack(b"F" if known else b"U", len(data)) + data)
    sink.flush()


def answer_head(head: bytes) -> tuple[bytes, int]:
    """Kind and length of an answer from its first bytes. Raises: ValueError."""
    kind, length = _HEAD.unpack(head)
    if kind not in (b"F", b"U") or length > LONGEST_ANSWER:
        raise ValueError("no answer of ours")
    return kind, length


def answer_of(kind: bytes, data: bytes) -> CiFacts | CiUnknown:
    """An answer from its bytes. Raises: ValueError."""
    return _facts().validate_json(data) if kind == b"F" else _unknown().validate_json(data)


HEAD_SIZE = _HEAD.size
