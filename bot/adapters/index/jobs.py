"""What a child does. Imported by the fork server before it forks, so everything a job needs is loaded here."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import assert_never

from bot.adapters.index.checking import check
from bot.adapters.index.dissecting import dissect
from bot.adapters.index.installing import install
from bot.adapters.index.looking import look
from bot.adapters.index.messages import (
    Broken,
    CheckJob,
    DissectJob,
    InstallJob,
    Job,
    LookJob,
    MintJob,
    Reply,
    UploadJob,
)
from bot.adapters.index.minting import mint
from bot.adapters.index.uploading import upload


def perform(job: Job) -> Reply:
    """Do one job, once, in this process. A fault of ours is an answer too: the daemon tells a person where it is."""
    try:
        return _perform(job)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - the last line before the end of the process
        last = traceback.extract_tb(error.__traceback__)[-1]
        return Broken(where=f"{type(error).__name__} at {Path(last.filename).name}:{last.lineno}")


def _perform(job: Job) -> Reply:
    match job:
        case UploadJob():
            return upload(job)
        case CheckJob():
            return check(job)
        case LookJob():
            return look(job)
        case DissectJob():
            return dissect(job)
        case InstallJob():
            return install(job)
        case MintJob():
            return mint(job)
        case _:
            assert_never(job)
