"""Pushes that bring no objects: what is asked, and what counts as done."""

from __future__ import annotations

import pytest

from bot.adapters.gitlab.pushes import not_taken, request_of
from bot.domain.proposals import Move

OLD, NEW, NONE = "a" * 40, "b" * 40, "0" * 40
MOVE, DROP = Move(branch="x/y", before=OLD, after=NEW), Move(branch="z", before=NEW, after=None)


def packet(line: str) -> bytes:
    return f"{len(line) + 4:04x}{line}".encode()


def report(*lines: str) -> bytes:
    return b"".join(packet(f"{line}\n") for line in lines) + b"0000"


def test_a_branch_is_named_with_where_it_was_seen_and_an_empty_pack_follows() -> None:
    body = request_of([MOVE, DROP])
    first = packet(f"{OLD} {NEW} refs/heads/x/y\0report-status agent=ropewalk")
    assert body.startswith(first + packet(f"{NEW} {NONE} refs/heads/z") + b"0000PACK")
    assert len(body.partition(b"PACK")[2]) == 4 + 4 + 20


def test_a_push_that_only_removes_has_no_pack() -> None:
    assert request_of([DROP]).endswith(b"0000")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (report("unpack ok", "ok refs/heads/x/y", "ok refs/heads/z"), []),
        (
            report("unpack ok", "ng refs/heads/x/y failed to update ref", "ok refs/heads/z"),
            ["refs/heads/x/y: failed to update ref"],
        ),
        (report("unpack ok", "ok refs/heads/z"), ["refs/heads/x/y: nothing is said of it"]),
        (report("unpack index-pack abnormal exit"), ["unpack index-pack abnormal exit"]),
        (b"", ["no report came back"]),
        (b"<html>", ["no report came back"]),
        (b"0004", ["no report came back"]),
        (b"00ffunpack ok", ["no report came back"]),
    ],
)
def test_only_what_is_said_to_be_done_is_done(said: bytes, expected: list[str]) -> None:
    assert not_taken(said, [MOVE, DROP]) == expected
