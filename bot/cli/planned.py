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
# The lists of a plan, and what each line of them has at least. A plan of an older version may lack some.
_LISTS = {"actions": "target", "gates": "name", "files": "file", "indexes": "index"}
_STOPPING = ("fail", "unknown")
_Rows = Mapping[str, Mapping[str, object]]


def plan_json(preview: Preview) -> Json:
    """A plan as JSON: the release object, with what a run would do and the files it is about."""
    document = output.release_json(preview.release, preview.receipts, preview.steps)
    document["files"] = [
        {"file": file.filename, "sha256": file.sha256, "size": file.size, "origin": file.origin}
        for file in preview.files
    ]
    document["indexes"] = [{"index": index, "address": address} for index, address in preview.addresses]
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
        if all(key in written for key in _NEEDED) and all(_is_list(written, key) for key in _LISTS if key in written):
            return cast(Json, written)
    except (OSError, ValueError, TypeError):
        pass
    raise ConfigError(what="is not a plan written by `release plan --out`", where=str(path))


def _is_list(written: Json, key: str) -> bool:
    rows = written[key]
    return isinstance(rows, list) and all(isinstance(row, dict) and _LISTS[key] in row for row in rows)


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
    found += gates
    if "indexes" in then:
        found += _addresses(_rows(then["indexes"], "index"), _rows(now["indexes"], "index"))
    return (*found, *_courses(_by_thing(then["actions"]), _by_thing(now["actions"])), *_compared(then, now))


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
    """Gates whose verdict changed, and those that do not let the release pass and were not there.

    Policy may ask for a gate since then. One that only the old plan came to changed nothing by itself.
    """
    changed = [name for name in then if name in now and then[name].get("verdict") != now[name].get("verdict")]
    new = [name for name in now if name not in then and now[name]["verdict"] in _STOPPING]
    return [
        *(
            f"gate {name} is {now[name]['verdict']} now, planned was {then[name].get('verdict')}: {now[name]['reason']}"
            for name in changed
        ),
        *(f"gate {name} is {now[name]['verdict']} now, planned was without it: {now[name]['reason']}" for name in new),
    ]


def _addresses(then: _Rows, now: _Rows) -> list[str]:
    """Indexes that are elsewhere now under the same name, and those of both plans in another order."""
    old, new = ([name for name in rows if name in then and name in now] for rows in (then, now))
    found = [
        f"index {name} is {now[name]['address']} now, planned was {then[name].get('address')}"
        for name in old
        if then[name].get("address") != now[name]["address"]
    ]
    order = f"the indexes come as {', '.join(new)} now, planned was {', '.join(old)}"
    return [*found, order] if old != new else found


def _compared(then: Json, now: Json) -> list[str]:
    """What the files are compared with, where that is another release now."""
    told = [plan.get("differences") for plan in (then, now)]
    old, new = (_since(one) if isinstance(one, dict) else None for one in told)
    if old is None or new is None or old == new:
        return []
    return [f"the files are compared with {new} now, planned was {old}"]


def _since(differences: Mapping[str, object]) -> str:
    return f"{differences.get('since')} on {differences.get('index')}" if differences.get("since") else "nothing"


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
