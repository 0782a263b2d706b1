"""Plans on paper: what `release plan` writes, and what moved between a written plan and a new one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

from bot.cli import output
from bot.cli.output import Json
from bot.domain.anatomy import Differences
from bot.domain.errors import ConfigError

if TYPE_CHECKING:
    from bot.engine.preview import Preview

SHOWN = 12  # hex digits of a sha256 that tell two apart
_NEEDED = ("project", "ref", "sha", "version", "actions")
_Rows = Mapping[str, Mapping[str, object]]


def plan_json(preview: Preview) -> Json:
    """A plan as JSON: the release object, with what a run would do and the files it is about."""
    document = output.release_json(preview.release, preview.receipts, preview.steps)
    document["files"] = [
        {"file": file.filename, "sha256": file.sha256, "size": file.size, "origin": file.origin}
        for file in preview.files
    ]
    document["differences"] = _differences_json(preview.differences)
    return document


def differences_text(seen: Differences) -> str:
    """What a release changes, as lines for a screen."""
    if seen.since is None:
        return "  no earlier version stands on any index"
    told = [*(one.words for one in seen.found), *seen.unread] or ["nothing that is compared"]
    return "\n".join([f"  changed since {seen.since} on {seen.index}:", *(f"    {line}" for line in told)])


def _differences_json(seen: Differences | None) -> Json | None:
    if seen is None:
        return None
    found = [{"kind": one.kind.value, "text": one.words} for one in seen.found]
    unread = list(seen.unread)
    return {"since": seen.since, "index": seen.index, "digest": seen.digest, "found": found, "unread": unread}


def write_plan(path: Path, document: Json) -> None:
    """Put a plan into a file. Raises: ConfigError if that cannot be."""
    try:
        path.write_text(json.dumps(document, indent=2) + "\n")
    except OSError as error:
        raise ConfigError(what=f"cannot be written: {error.strerror}", where=str(path), remedy="See --out") from None


def read_plan(path: Path) -> Json:
    """A plan that was written. Raises: ConfigError if it is none."""
    try:
        written = json.loads(path.read_text())
        if all(key in written for key in _NEEDED) and all("target" in row for row in written["actions"]):
            return cast(Json, written)
    except (OSError, ValueError, TypeError):
        pass
    raise ConfigError(what="is not a plan written by `release plan --out`", where=str(path))


def moved(then: Json, now: Json) -> tuple[str, ...]:
    """What differs between a written plan and a new one, in sentences without their full stop; empty if nothing.

    What a plan of an older version did not write down is not compared.
    """
    for key in ("project", "ref", "sha"):
        if then[key] != now[key]:
            # Another commit is another release: that its files and actions differ too says nothing more.
            what = f"{now['ref']} is at {now[key]} now" if key == "sha" else f"the {key} is {now[key]} now"
            return (f"{what}, the plan was for {then[key]}",)
    gates = _gates(_rows(then["gates"], "name"), _rows(now["gates"], "name")) if "gates" in then else []
    if gates and then.get("files") and not now["files"]:
        # The new plan was stopped before anybody looked for files: that they are gone would be a guess.
        return (*gates, *_courses(_by_thing(then["actions"]), _by_thing(now["actions"]), gone=False))
    found: list[str] = []
    if then["version"] != now["version"]:
        found.append(f"the version is {now['version']} now, planned was {then['version']}")
    if "files" in then:
        found += _files(_rows(then["files"], "file"), _rows(now["files"], "file"))
    return (*found, *gates, *_courses(_by_thing(then["actions"]), _by_thing(now["actions"])))


def _files(then: _Rows, now: _Rows) -> list[str]:
    found = []
    for name in [*then, *(name for name in now if name not in then)]:
        if name not in now:
            found.append(f"{name} is not there any more")
        elif name not in then:
            found.append(f"{name} is new, sha256 {_short(now[name])}")
        elif then[name].get("sha256") != now[name].get("sha256"):
            old, new = _short(then[name]), _short(now[name])
            found.append(f"{name} has other bytes now, sha256 {new} instead of {old}")
    return found


def _gates(then: _Rows, now: _Rows) -> list[str]:
    """Gates whose verdict changed. One that only one of the plans came to changed nothing by itself."""
    changed = [name for name in then if name in now and then[name].get("verdict") != now[name].get("verdict")]
    return [
        f"gate {name} is {now[name]['verdict']} now, planned was {then[name]['verdict']}: {now[name]['reason']}"
        for name in changed
    ]


def _courses(then: _Rows, now: _Rows, *, gone: bool = True) -> list[str]:
    """What is done otherwise now; without `gone` only what is done at all."""
    found = []
    for thing in [*(thing for thing in then if gone or thing in now), *(thing for thing in now if thing not in then)]:
        old, new = (_says(rows.get(thing)) for rows in (then, now))
        if old != new:
            found.append(f"planned was: {old}; now: {new}")
    return found


def _says(row: Mapping[str, object] | None) -> str:
    if row is None:
        return "nothing"
    return str(row.get("text") or f"would {row.get('would')}")


def _rows(value: object, key: str) -> _Rows:
    rows = cast("list[Mapping[str, object]]", value)
    return {str(row[key]): row for row in rows}


def _by_thing(value: object) -> _Rows:
    """The lines of a plan by what they are about: a file on an index, or else their own words."""
    rows = cast("list[Mapping[str, object]]", value)
    return {f"{row['target']} {row.get('file') or row.get('would')}": row for row in rows}


def _short(row: Mapping[str, object]) -> str:
    return f"{str(row.get('sha256'))[:SHOWN]}…"
