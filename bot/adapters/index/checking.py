"""In the child: `twine check --strict` on one file, within limits."""

from __future__ import annotations

import io
import logging
from contextlib import redirect_stdout

from twine.commands.check import check as twine_check
from twine.exceptions import TwineException

from bot.adapters.index.limits import limit
from bot.adapters.index.messages import Checked, CheckJob


def check(job: CheckJob) -> Checked:
    """Run twine's check. Its complaint is made of what it logs: the words it prints are a table for a terminal."""
    limit(memory=job.memory, cpu=job.cpu)
    words = _Words()
    logger = logging.getLogger("twine")
    logger.addHandler(words)
    logger.propagate = False
    try:
        with redirect_stdout(io.StringIO()):
            failed = twine_check([job.path], strict=True)
    except TwineException as error:
        return Checked(complaint=str(error))
    except MemoryError:
        return Checked(complaint="the check needs more memory than a description should")
    except Exception as error:  # noqa: BLE001 - whatever a hostile description breaks in a renderer is a complaint
        return Checked(complaint=f"the check breaks off with {type(error).__name__}: {error}")
    if not failed:
        return Checked(complaint="")
    return Checked(complaint="; ".join(words.lines) or "twine check --strict fails without a word")


class _Words(logging.Handler):
    """Collects what twine says."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())
