"""`ropewalk audit exposure`: who can read a credential."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bot.cli.doctor import MARKS
from bot.cli.exits import Exit
from bot.cli.options import Format, Options, complain
from bot.domain.verdicts import Verdict
from bot.hygiene.spelling import visible

if TYPE_CHECKING:
    from bot.hygiene.exposure import Exposure

SCHEMA = "ropewalk.exposure/1"


def exposing(options: Options, target: str, key: str | None) -> Exit:
    """All ways to one variable, or to every credential of the projects that a target names."""
    from bot.app import App
    from bot.cli.auditor import Auditor
    from bot.cli.process import harden
    from bot.hygiene.exposure import exposures

    harden()
    bot = App(options.settings(), options.redactor, reads=True)
    try:
        found = Auditor(bot).facts_of(target)
    finally:
        bot.close()
    rows = [(facts.full_path, exposure) for facts in found for exposure in exposures(facts, key)]
    unread = sorted({one.words for facts in found for one in facts.variables.unreadable})
    if options.format is Format.JSON:
        variables = [_json(project, one) for project, one in rows]
        options.result(json.dumps({"schema": SCHEMA, "variables": variables, "unknown": unread}))
    else:
        for project, one in rows:
            options.result(_text(project, one))
        for what in unread:
            options.result(f"? could not look at {visible(what)}: there may be more")
    if not rows:
        what = "credential" if key is None else f"variable {key}"
        said = f"no {what} reaches {target}" if found else f"nothing matched: {target}"
        complain(options, visible(said + (", as far as can be seen" if found and unread else "")))
        return Exit.UNKNOWN if found and unread else Exit.NOTHING
    blind = any(reader.open is Verdict.UNKNOWN for _, one in rows for reader in one.readers)
    return Exit.UNKNOWN if blind else Exit.DONE


def _json(project: str, one: Exposure) -> dict[str, object]:
    flags = one.variable
    return {
        "project": project,
        "variable": flags.key,
        "resource": one.resource,
        "level": flags.level,
        "scope": flags.environment_scope,
        "masked": flags.masked,
        "protected": flags.protected,
        "hidden": flags.hidden,
        "readers": [
            {"kind": reader.kind, "who": reader.who, "open": _OPEN[reader.open], "chain": reader.chain}
            for reader in one.readers
        ],
    }


_OPEN = {Verdict.FAIL: "open", Verdict.PASS: "limited", Verdict.UNKNOWN: "unknown"}


def _text(project: str, one: Exposure) -> str:
    flags = one.variable
    switches = (("masked", flags.masked), ("protected", flags.protected), ("hidden", bool(flags.hidden)))
    marks = ", ".join(word if on else f"not {word}" for word, on in switches)
    lines = [f"{flags.key} (scope {flags.environment_scope}, {flags.level} {flags.owner}) in {project}: {marks}"]
    lines += [f"  {MARKS[reader.open]} {reader.kind:<18} {reader.who}: {reader.chain}" for reader in one.readers]
    return "\n".join(map(visible, lines))
