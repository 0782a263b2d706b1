"""`ropewalk config …`"""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.exits import Exit
from bot.cli.options import Format, Options, command
from bot.domain.errors import ConfigError
from bot.hygiene.spelling import visible
from bot.settings import ExampleName, check, example, find, load, schema
from bot.settings.origins import DEFAULT

if TYPE_CHECKING:
    from bot.cli.explaining import Said

app = typer.Typer(no_args_is_help=True)

EXAMPLES: tuple[ExampleName, ...] = ("ropewalk.yaml", "policy.yaml", "waivers.yaml")


@command(app, "check")
def check_command(options: Options) -> Exit:
    """Say everything that is wrong with the configuration, with file and line. Asks no server.

    ropewalk config check --config ropewalk.yaml
    """
    problems = check(options.config, os.environ, Path.cwd())
    warnings: tuple[str, ...] = ()
    if not problems:
        settings = load(options.config, os.environ, Path.cwd())
        options.redactor.add(*settings.secrets())
        warnings = settings.warnings
    if options.format is Format.JSON:
        rows = [{"where": p.where, "what": p.what, "remedy": p.remedy} for p in problems]
        options.result(json.dumps({"valid": not problems, "problems": rows, "warnings": list(warnings)}))
    else:
        for problem in problems:
            options.result(str(problem))
        for warning in warnings:
            options.say(f"warning: {warning}")
        if not problems:
            options.result(f"{find(options.config, os.environ, Path.cwd())}: good")
    return Exit.USAGE if problems else Exit.DONE


@command(app, "init")
def init_command(
    options: Options,
    folder: Annotated[Path, typer.Argument(help="Where to write it.")] = Path(),
) -> Exit:
    """Write the commented examples ropewalk.yaml, policy.yaml and waivers.yaml; existing files are never touched.

    ropewalk config init /etc/ropewalk
    """
    for name in EXAMPLES:
        if (folder / name).exists():
            raise ConfigError(
                what="exists already and is left as it is", where=str(folder / name), remedy="Choose another folder"
            )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in EXAMPLES:
            (folder / name).write_text(example(name))
            options.result(str(folder / name))
    except OSError as error:
        raise ConfigError(what=f"cannot be written: {error.strerror}", where=str(folder)) from None
    options.say("Set the variables it names, then: ropewalk config check && ropewalk doctor")
    return Exit.DONE


@command(app, "schema")
def schema_command(options: Options) -> Exit:
    """Print the JSON Schema of the configuration, for editors.

    ropewalk config schema > ropewalk.schema.json
    """
    options.result(json.dumps(schema(), indent=2))
    return Exit.DONE


@command(app, "explain")
def explain_command(
    options: Options,
    key: Annotated[str, typer.Argument(help="For example hygiene.block_at, releases.approval, watch.poll.")],
    project: Annotated[
        str | None, typer.Option("--project", "-p", help="What holds there, its groups' and its own layers included.")
    ] = None,
    ref: Annotated[str | None, typer.Option("--ref", help="The rule of this tag or branch alone.")] = None,
) -> Exit:
    """Show what a key is, the file and line that set it, and which layers had another wish.

    ropewalk config explain hygiene.block_at --project acme/tools/widget
    """
    from bot.cli.explaining import explain

    found = explain(options, key.strip(), project, ref)
    if options.format is Format.JSON:
        rows = [
            {
                "key": one.key,
                "value": one.value,
                "set_by": one.decided.by,
                "where": one.decided.where,
                "said": [asdict(said) for said in one.said],
            }
            for one in found.keys
        ]
        document = {"schema": "ropewalk.explain/1", "project": project, "keys": rows, "faults": list(found.faults)}
        options.result(json.dumps(document))
        return Exit.DONE
    for one in found.keys:
        options.result(visible(f"{one.key} = {one.value}"))
        options.result(visible(f"  {_whence(one.decided)}"))
        for said in one.said:
            if said is not one.decided:
                options.result(visible(f"  {'before' if said.taken else 'not taken'}: {said.value}, {_whence(said)}"))
    for fault in found.faults:
        options.say(f"warning: {visible(fault)}")
    return Exit.DONE


def _whence(said: Said) -> str:
    where = said.where if said.where == DEFAULT else f"{said.by}, {said.where}"
    return where + (f" ({said.why})" if said.why else "")
