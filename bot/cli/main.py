"""The command line: one file per command group, imported when its command runs."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

import bot
from bot.cli.codes import Exit
from bot.cli.options import Options, command
from bot.domain.notes import NotesStrategy

app = typer.Typer(
    name="ropewalk",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="The release bot for a whole GitLab organisation. Begin with `ropewalk demo`, then `ropewalk config init`.",
)

NO_HOME = "/nonexistent"
YOUNG = 50_000  # objects before the collector looks among the youngest; Python's own figure is 700

# Each group is a module of that name here, with an `app`; its sentence stands here so that the list needs no import.
GROUPS = {
    "release": "Plan, run and look at releases.",
    "audit": "What can leak in an organisation's variables, CI files and refs.",
    "fix": "Repairs of what an audit found. Plans only, unless told to --apply.",
    "watch": "Which projects and refs are watched, and what is new in them.",
    "ci": "Ready pipelines for projects that publish by themselves.",
    "config": "Make and check a configuration.",
    "ledger": "Every write the bot made, in a chain that shows if one was changed.",
    "state": "Move the state to another place, and back it up.",
    "hooks": "Look after the hooks by which GitLab tells the bot of tags at once.",
}


@command(app, "serve", default_log="info")
def serve_command(options: Options) -> Exit:
    """The daemon: watches tags, runs releases, takes hooks, answers /livez, /readyz and /metrics.

    ropewalk serve --config ropewalk.yaml
    """
    from bot.cli.serve import serve

    return serve(options)


@command(app, "notes")
def notes_command(
    options: Options,
    target: Annotated[str, typer.Argument(metavar="PROJECT@REF", help="A tag, or a branch.", show_default=False)],
    since: Annotated[
        str | None,
        typer.Option(metavar="REF", help="Where they begin; else at the release before.", show_default=False),
    ] = None,
    strategy: Annotated[
        NotesStrategy | None, typer.Option(help="What they are made from; else as the policy says.", show_default=False)
    ] = None,
) -> Exit:
    """The release notes of a tag, or of what a branch holds since its last release. Only reads.

    ropewalk notes acme/tools/widget@main --since v1.2.0 --strategy conventional
    """
    from bot.cli.notes import notes

    return notes(options, target, since, strategy)


@command(app, "status")
def status_command(options: Options) -> Exit:
    """The daemon at a glance: is it alive, its last poll, releases by state, the API budget. Asks nobody.

    ropewalk status --format json
    """
    from bot.cli.status import status

    return status(options)


@command(app, "doctor")
def doctor_command(
    options: Options,
    project: Annotated[
        str | None, typer.Argument(metavar="PROJECT", help="For example acme/tools/widget.", show_default=False)
    ] = None,
    tag: Annotated[str | None, typer.Option(help="The tag to ask for.", show_default=False)] = None,
) -> Exit:
    """The bot's own set-up: token, scopes, what it sees, indexes, hooks. With PROJECT: would its next tag publish?

    ropewalk doctor acme/tools/widget --tag v1.3.0
    """
    if project is None:
        from bot.cli.doctor import doctor

        return doctor(options)
    from bot.cli.next_tag import doctor_project

    return doctor_project(options, project, tag)


@command(app, "publish")
def publish_command(
    options: Options,
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILES", help="Wheels and sdists; wildcards may be quoted.", show_default=False),
    ],
    to: Annotated[str, typer.Option(metavar="INDEX", help="registry, pypi, testpypi, or a URL.")] = "registry",
    simple_url: Annotated[str | None, typer.Option(help="Where pip looks, beside a URL.", show_default=False)] = None,
    package: Annotated[str | None, typer.Option(help="Only the files of this package.", show_default=False)] = None,
    attestations: Annotated[
        bool, typer.Option("--attestations", help="Send along what lies beside the files.")
    ] = False,
    allow_unprotected: Annotated[
        bool, typer.Option("--allow-unprotected", help="Publish outside the project from an unprotected ref.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Look and tell, send nothing.")] = False,
    ca_file: Annotated[Path | None, typer.Option(help="Certificate authorities.", show_default=False)] = None,
    proxy: Annotated[str | None, typer.Option(help="URL of a proxy.", show_default=False)] = None,
    wait: Annotated[str, typer.Option(help="How long a proof may take.")] = "15m",
) -> Exit:
    """Inside a CI job: check distributions, look, upload what is missing with twine, and read it back.

    ropewalk publish dist/* --to pypi
    """
    from bot.cli.publish import Asked, publish_files
    from bot.settings.job import Wish

    authorities = None if ca_file is None else str(ca_file.absolute())
    wish = Wish(to=to, simple_url=simple_url, ca_file=authorities, proxy=proxy)
    asked = Asked(
        files=tuple(files),
        wish=wish,
        package=package,
        attestations=attestations,
        allow_unprotected=allow_unprotected,
        dry_run=dry_run,
        wait=wait,
    )
    return publish_files(options, asked)


@command(app, "demo")
def demo_command(
    options: Options,
    keep: Annotated[bool, typer.Option(help="Leave the organisation running; print its URLs and tokens.")] = False,
) -> Exit:
    """The story: an organisation releases its packages on the embedded GitLab.

    ropewalk demo --keep
    """
    from bot.cli.demo import demo

    return demo(options, keep=keep)


@command(app, "sandbox")
def sandbox_command(
    options: Options,
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes a free one.")] = 0,
    world: Annotated[str, typer.Option(help="What lives in it: acme, or empty.")] = "acme",
    projects: Annotated[
        int | None, typer.Option(help="Instead of a world: so many projects in nested groups.", show_default=False)
    ] = None,
    latency: Annotated[str, typer.Option(help="Added to every answer, as 50ms or 1.5s.")] = "0s",
    seed: Annotated[int | None, typer.Option(help="Make tokens and worlds repeatable.", show_default=False)] = None,
    object_storage: Annotated[bool, typer.Option(help="Redirect downloads to object storage on another port.")] = False,
) -> Exit:
    """The embedded GitLab alone, with its index beside it. Loopback only: it runs what is pushed to it.

    ropewalk sandbox --port 8080 --projects 2000 --latency 50ms --seed 1
    """
    from bot.cli.sandbox import Order, sandbox

    order = Order(port=port, world=world, projects=projects, latency=latency, seed=seed, object_storage=object_storage)
    return sandbox(options, order)


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False,
) -> None:
    if version:
        print(f"ropewalk {bot.__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line; never shows a traceback."""
    _have_home()
    gc.set_threshold(YOUNG)  # importing a thousand modules makes no garbage, and looking for some is a sixth of a start
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # a TextIOWrapper in every real process
    _add_groups(sys.argv[1:])
    app()


def _have_home() -> None:
    """Have a home folder, if only by name: libraries ask for it when they are imported, to look for files of theirs.

    A container may run as any user id, without HOME and without a line in /etc/passwd.
    """
    try:
        Path.home()
    except RuntimeError:
        os.environ["HOME"] = NO_HOME


def _add_groups(arguments: Sequence[str]) -> None:
    """All groups by name, and with their commands those that can be meant."""
    completing = "_ROPEWALK_COMPLETE" in os.environ  # then the shell's words come in the environment
    for name, sentence in GROUPS.items():
        there = typer.Typer(no_args_is_help=True)
        if completing or name in arguments:
            there = import_module(f"bot.cli.{name}").app
        app.add_typer(there, name=name, help=sentence)
