"""The other place where a port meets its adapter: publishing inside a CI job, with no configuration and no state."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from time import sleep

from bot.adapters.clock import utc_now
from bot.adapters.index.service import IndexAdapter
from bot.domain.policy import HygienePolicy, IndexSpec, ReleaseRule, Source
from bot.domain.running_job import RunningJob
from bot.domain.secrets import Redactor, Secret
from bot.domain.verdicts import Consequence
from bot.engine.sending import IdToken, Post, Sending, send, turned_away
from bot.ports.index import Gathered
from bot.release.belonging import belonging
from bot.release.facts import Wanted
from bot.release.sending import may_send
from bot.settings.job import Destination


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be published, from which job, where to. `patience` is how long a proof may take."""

    job: RunningJob
    destination: Destination
    files: tuple[Path, ...]
    package: str | None
    allow_unprotected: bool
    dry_run: bool
    patience: timedelta


def publish(order: Order, redactor: Redactor, say: Callable[[str], None]) -> Sending:
    """Check, look, send and prove. Raises: TransientError, CredentialsError, ConfigError, if nothing was written."""
    job, aim = order.job, order.destination
    allowed = may_send(job, aim.spec, allow_unprotected=order.allow_unprotected)
    wanted = _wanted(job, replace(aim.spec, retry_for=order.patience), order.package)
    if allowed.consequence is not Consequence.NONE:
        return turned_away(wanted, allowed)  # and nothing of theirs is read
    with (
        tempfile.TemporaryDirectory(prefix="ropewalk-") as folder,
        _index(aim.spec, job, Path(folder), redactor) as index,
    ):
        gathered = belonging(wanted, _gathered(index, job, order.files, Path(folder)))
        post = Post(
            index=index,
            minter=index,
            clock=utc_now,
            wait=sleep,
            say=say,
            patience=order.patience,
            id_token=IdToken(variable=aim.variable, value=aim.id_token) if aim.variable and aim.id_token else None,
        )
        return send(post, wanted, gathered, allowed, dry_run=order.dry_run)


@contextmanager
def _index(spec: IndexSpec, job: RunningJob, folder: Path, redactor: Redactor) -> Iterator[IndexAdapter]:
    index = IndexAdapter(
        gitlab_url=job.gitlab_url,
        gitlab_token=spec.password or Secret(""),
        state_dir=folder / "state",
        redactor=redactor,
    )
    try:
        index.start()
        yield index
    finally:
        index.close()


def _wanted(job: RunningJob, spec: IndexSpec, package: str | None) -> Wanted:
    """The wanted state: the job's commit, that index, and a policy that says nothing more."""
    rule = ReleaseRule(projects=("**",), tags=("*",), branches=("*",), source=Source.ARTIFACTS, package=package)
    return Wanted(
        id=job.release_id,
        project=job.home,
        rule=rule,
        indexes=(spec,),
        hygiene=HygienePolicy(block_at=None),
        asked=utc_now(),
    )


def _gathered(index: IndexAdapter, job: RunningJob, files: Sequence[Path], folder: Path) -> Gathered:
    """The files, checked as a job's artifacts are: those of this very job."""
    archive = folder / "given.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as given:
        for number, path in enumerate(files):
            given.write(path, f"{number}/dist/{path.name}")
    try:
        return index.gather([(job.id, job.name, archive)])
    finally:
        archive.unlink()
