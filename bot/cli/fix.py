"""`ropewalk fix`: plan a repair, and do it when told to."""

from __future__ import annotations

from typing import Annotated

import typer

from bot.cli.exits import Exit
from bot.cli.options import Options, command

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep `variables` a subcommand, though it is the only one."""


@command(app, "variables")
def variables(
    options: Options,
    target: Annotated[str, typer.Argument(metavar="TARGET", help="For example acme/tools/widget or acme/**.")],
    apply: Annotated[bool, typer.Option("--apply", help="Do it.")] = False,
) -> Exit:
    """Switch `masked` and `protected` on for publishing variables; never touches a value.

    Refuses what would leave a publishing job without its token, and says why.

    ropewalk fix variables acme/tools/widget --apply
    """
    from bot.cli.fixing import fix_variables

    return fix_variables(options, target, apply=apply)
