"""The options every subcommand takes, and what surrounds every command: settings, logging, errors, exit codes."""

from __future__ import annotations

import functools
import inspect
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.codes import Exit

if TYPE_CHECKING:  # what a command needs is imported when one runs: `--help` reads no settings and logs nothing
    from bot.domain.secrets import Redactor, Secret
    from bot.settings import Settings

CALLER_VARIABLE = "GITLAB_TOKEN"  # the token of whoever calls, not the bot's


class Format(StrEnum):
    """How results are written to stdout."""

    TEXT = "text"
    JSON = "json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of CONTRACT's every command, with the redactor all output goes through.

    `format_name` is the format as it was named: a command that knows more than text and JSON goes by it.
    """

    config: Path | None
    format: Format
    format_name: str
    quiet: bool
    verbose: bool
    color: bool
    redactor: Redactor

    def settings(self) -> Settings:
        """Read the configuration, teach the redactor its secrets, and take them out of our own environment.

        Raises: ConfigError.
        """
        from bot.settings import load

        settings = load(self.config, os.environ, Path.cwd())
        self.redactor.add(*settings.secrets())
        self.caller_token()
        for name in (CALLER_VARIABLE, *settings.secret_names()):
            os.environ.pop(name, None)
        return settings

    def caller_token(self) -> Secret | None:
        """The caller's own token, None if there is none; `settings` takes it out of our environment."""
        value = os.environ.get(CALLER_VARIABLE, "").strip()
        if not value:
            return None
        from bot.domain.secrets import Secret

        token = Secret(value)
        self.redactor.add(token)
        return token

    def say(self, text: str) -> None:
        """Talk: progress and hints, on stderr, unless --quiet."""
        if not self.quiet:
            print(self.redactor.redact(text), file=sys.stderr, flush=True)

    def result(self, text: str) -> None:
        """A result, on stdout."""
        print(self.redactor.redact(text), flush=True)

    def log(self, level: str) -> None:
        """Logs go to stderr: for a person on a terminal, one JSON object a line otherwise."""
        from bot.log import configure

        terminal = sys.stderr.isatty()
        configure(stream=sys.stderr, json=not terminal, level=level, redactor=self.redactor, color=self.color)


Config = Annotated[Path | None, typer.Option("--config", "-c", help="The configuration file.", show_default=False)]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, results only.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Say more, and log what is done.")]
NoColor = Annotated[bool, typer.Option("--no-color", help="Plain text; NO_COLOR does the same.")]

_SHARED: dict[str, tuple[Any, Any]] = {
    "config": (Config, None),
    "quiet": (Quiet, False),
    "verbose": (Verbose, False),
    "no_color": (NoColor, False),
}


Command = Callable[..., Exit]


def command(
    app: typer.Typer, name: str, *, default_log: str = "error", formats: type[StrEnum] = Format
) -> Callable[[Command], Callable[..., None]]:
    """Register a function as a subcommand that takes the shared options and returns its exit code.

    `formats` are those of the command, `text` among them. The function gets the options as `options`. Every expected
    error becomes one sentence on stderr and its code.
    """

    def register(function: Command) -> Callable[..., None]:
        signature = inspect.signature(function, eval_str=True)
        own = [parameter for parameter in signature.parameters.values() if parameter.name != "options"]
        shared = [
            inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
            for key, (kind, default) in (_SHARED | _formats(formats)).items()
        ]

        @functools.wraps(function)
        def run(**given: Any) -> None:
            options = _options({key: given.pop(key) for key in (*_SHARED, "output_format")})
            options.log("info" if options.verbose else default_log)
            raise typer.Exit(_run(lambda: function(options=options, **given), options))

        run.__signature__ = inspect.Signature([*own, *shared])  # type: ignore[attr-defined]  # what typer reads
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in [*own, *shared]}
        app.command(name)(run)
        return run

    return register


def _formats(formats: type[StrEnum]) -> dict[str, tuple[Any, Any]]:
    kind: Any = Annotated[formats, typer.Option("--format", help="How to write results.")]
    return {"output_format": (kind, formats("text"))}


def _options(given: dict[str, Any]) -> Options:
    from bot.domain.secrets import Redactor

    color = "NO_COLOR" not in os.environ and not given["no_color"]
    return Options(
        config=given["config"],
        format=Format.JSON if given["output_format"] == "json" else Format.TEXT,
        format_name=str(given["output_format"]),
        quiet=given["quiet"],
        verbose=given["verbose"],
        color=color and (sys.stdout.isatty() or "FORCE_COLOR" in os.environ),
        redactor=Redactor(),
    )


def _run(call: Callable[[], Exit], options: Options) -> int:
    from bot.cli.exits import exit_of_error
    from bot.domain.errors import RopewalkError

    try:
        return int(call())
    except RopewalkError as error:
        complain(options, str(error))
        return int(exit_of_error(error))
    except KeyboardInterrupt:
        complain(options, "interrupted; what was begun is recorded and can be resumed")
        return int(Exit.INTERRUPTED)
    except BrokenPipeError:
        return int(Exit.DONE)
    except Exception as error:  # noqa: BLE001  (the last place to keep a traceback, which may show data, off the terminal)
        from bot.log import get

        get("cli").error("command.fault", exc_info=error)
        complain(options, f"a fault in ropewalk itself ({type(error).__name__}): please report it with the log above")
        return int(Exit.FAULT)


def complain(options: Options, sentence: str) -> None:
    """One sentence on stderr, whatever --quiet says."""
    print(f"ropewalk: {options.redactor.redact(sentence)}", file=sys.stderr, flush=True)
