"""Batches of the hook endpoint: served together, answered apart."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest
from anyio import to_thread
from starlette.concurrency import run_in_threadpool

from bot.web.batches import MOST, Batches


def test_what_comes_while_one_is_served_is_served_together_and_each_gets_its_own_answer() -> None:
    served: list[list[int]] = []
    gate = threading.Event()

    def serve(asked: Sequence[int]) -> list[str]:
        served.append(list(asked))
        assert gate.wait(10)
        return [str(one) for one in asked]

    async def story() -> list[str]:
        batches = Batches(serve)
        tasks = [asyncio.create_task(batches.ask(0))]
        while not served:
            await asyncio.sleep(0)
        tasks += [asyncio.create_task(batches.ask(number)) for number in range(1, MOST + 6)]
        await asyncio.sleep(0)
        gate.set()
        return await asyncio.gather(*tasks)

    assert asyncio.run(story()) == [str(number) for number in range(MOST + 6)]
    assert [len(batch) for batch in served] == [1, MOST, 5]


def test_one_that_cannot_be_served_fails_alone() -> None:
    def serve(asked: Sequence[int]) -> list[int]:
        if 3 in asked:
            raise ValueError("not three")
        return [2 * one for one in asked]

    async def story() -> list[int | BaseException]:
        batches = Batches(serve)
        return await asyncio.gather(*(batches.ask(number) for number in range(5)), return_exceptions=True)

    *good, bad, last = asyncio.run(story())
    assert good == [0, 2, 4]
    assert isinstance(bad, ValueError)
    assert last == 8


def test_a_request_that_is_gone_disturbs_nobody() -> None:
    gate = threading.Event()

    def serve(asked: Sequence[int]) -> list[int]:
        assert gate.wait(10)
        return list(asked)

    async def story() -> int:
        batches = Batches(serve)
        gone, stays = (asyncio.create_task(batches.ask(number)) for number in (1, 2))
        await asyncio.sleep(0)
        gone.cancel()
        gate.set()
        with pytest.raises(asyncio.CancelledError):
            await gone
        return await stays

    assert asyncio.run(story()) == 2


def test_nobody_waits_for_pages_that_wait_for_gitlab() -> None:
    """Every thread that pages may take is taken."""
    gate = threading.Event()

    async def story() -> int:
        threads = to_thread.current_default_thread_limiter()
        threads.total_tokens = 2
        pages = [asyncio.create_task(run_in_threadpool(gate.wait, 10)) for _ in range(3)]
        while threads.available_tokens:
            await asyncio.sleep(0)
        try:
            return await asyncio.wait_for(Batches[int, int](list).ask(7), 5)
        finally:
            gate.set()
            await asyncio.gather(*pages)

    assert asyncio.run(story()) == 7
