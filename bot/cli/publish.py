"""What `ropewalk publish` does: find the files, read the job's environment, publish, tell."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from bot.cli import output
from bot.cli.exits import Exit, exit_of_release
from bot.cli.options import Format, Options
from bot.domain.distributions import parse_filename
from bot.domain.errors import ConfigError, RefusedError
from bot.domain.left_out import lookalike

if TYPE_CHECKING:
    from bot.engine.sending import Sending
    from bot.settings.job import Wish

SCHEMA = "ropewalk.publish/1"
_ATTESTATION = ".publish.attestation"  # goes along with its file, see bot.adapters.index.kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The command line of `publish`."""

    files: tuple[str, ...]
    wish: Wish
    package: str | None
    attestations: bool
    allow_unprotected: bool
    dry_run: bool
    wait: str


def publish_files(options: Options, asked: Asked) -> Exit:
    """Publish, and write what came of it to stdout."""
    from dataclasses import replace

    from bot.cli.process import harden
    from bot.publishing import Order, publish
    from bot.settings.job import destination, running_job, secrets_of

    harden()
    environ = dict(os.environ)
    for name, secret in secrets_of(environ).items():
        options.redactor.add(secret)
        os.environ.pop(name, None)
    job = running_job(environ)
    aim = destination(environ, job, asked.wish)
    for sentence in aim.said:
        options.say(sentence)
    order = Order(
        job=job,
        destination=replace(aim, spec=replace(aim.spec, attestations=asked.attestations)),
        files=found(asked.files),
        package=asked.package,
        allow_unprotected=asked.allow_unprotected,
        dry_run=asked.dry_run,
        patience=_patience(asked.wait),
    )
    sending = publish(order, options.redactor, options.say)
    _show(options, asked, sending)
    return exit_of_release(sending.release, public=sending.public, attempts=sending.facts.attempts)


def _patience(text: str) -> timedelta:
    from bot.settings.values import parse_duration

    try:
        return parse_duration(text)
    except ValueError as error:
        raise ConfigError(what=str(error), where="--wait") from None


def found(patterns: Sequence[str]) -> tuple[Path, ...]:
    """The wheels and sdists that are meant, with the attestations beside them; patterns are for shells that leave them.

    Raises: RefusedError with status 404 if there are none, ConfigError for what is neither.
    """
    names = [name for pattern in patterns for name in (_expanded(pattern) or [pattern])]
    paths = tuple(dict.fromkeys(Path(name) for name in names))
    absent = [str(path) for path in paths if not path.is_file()]
    if absent:
        what = f"no file {', '.join(absent)}"
        remedy = "Let the job that builds keep dist/ as an artifact, and this one need it"
        raise RefusedError(what=what, where="publish", remedy=remedy, status=404)
    files = [path for path in paths if not path.name.endswith(_ATTESTATION)]
    odd = [path for path in files if parse_filename(path.name) is None and path.suffix != ".whl"]
    if odd:
        what = f"neither a wheel nor an sdist: {', '.join(map(_odd, odd))}"
        raise ConfigError(what=what, where="publish", remedy="Name the files, for example dist/*.whl dist/*.tar.gz")
    if not files:
        raise RefusedError(what="there is no wheel and no sdist among the files", where="publish", status=404)
    beside = (path.with_name(path.name + _ATTESTATION) for path in files)
    return (*files, *(path for path in beside if path.is_file()))


def _odd(path: Path) -> str:
    like = lookalike(path.name)
    return f"{path} ({like.why})" if like else str(path)


def _expanded(pattern: str) -> list[str]:
    return sorted(glob.glob(pattern))  # noqa: PTH207  (it may be absolute, which `Path.glob` refuses)


def _show(options: Options, asked: Asked, sending: Sending) -> None:
    steps = sending.steps if asked.dry_run else None
    if options.format is Format.JSON:
        document = output.release_json(sending.release, sending.receipts, steps)
        del document["requests"]
        files = [
            {"file": file.filename, "sha256": file.sha256, "size": file.size}
            for file in (sending.facts.files.value.files if sending.facts.files else ())
        ]
        extra: output.Json = {"index": asked.wish.to, "dry_run": asked.dry_run, "files": files}
        options.result(output.dumps({**document, "schema": SCHEMA, **extra}))
        return
    text = output.release_text(sending.release, sending.receipts, steps, color=options.color, verbose=options.verbose)
    options.result(text)
