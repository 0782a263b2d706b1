"""Components as text: their jobs with the inputs put in place, or the lines that include them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence

from bot.domain.components import Component, Row, Value

_BLOCK = re.compile(r"\$\[\[ inputs\.([a-z-]+) \]\]( ?)")
_WHOLE = re.compile(r"( *)([a-z_]+): \$\[\[ inputs\.([a-z-]+) \]\]")
_PLAIN = re.compile(r"[$A-Za-z][$A-Za-z0-9_./ -]*")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


def jobs(component: Component, given: Mapping[str, Value]) -> str:
    """The jobs of a component as they are written without inputs; ends with a newline.

    What is not given is at its default. An input of the wrong name or kind is a fault of the caller.
    """
    unknown = set(given) - set(component.inputs)
    assert not unknown, f"{component.name} has no input {', '.join(sorted(unknown))}"
    values = {**component.inputs, **given}
    return "".join(f"{line}\n" for line in _lines(component.body, values))


def includes(components: Mapping[str, Mapping[str, Value]], place: str, version: str) -> str:
    """The `include` of components from another project; `place` is `HOST/GROUP/PROJECT`."""
    lines = ["include:"]
    for name, given in components.items():
        lines.append(f"  - component: {place}/{name}@{version}")
        if given:
            lines.append("    inputs:")
        for key, value in given.items():
            lines += [f"      {key}: {_scalar(value)}"] if isinstance(value, str) else _list(key, value, 6)
    return "".join(f"{line}\n" for line in lines)


def _lines(body: str, values: Mapping[str, Value]) -> Iterator[str]:
    for line in body.splitlines():
        whole = _WHOLE.fullmatch(line)
        value = values[whole[3]] if whole else None
        if whole and value is not None and not isinstance(value, str):
            yield from _list(whole[2], value, len(whole[1]))
        else:
            yield _BLOCK.sub(lambda block: _text(values[block[1]], block[2]), line)


def _text(value: Value, space: str) -> str:
    assert isinstance(value, str), "a list is a whole value"
    return f"{value}{space}" if value else ""


def _list(key: str, rows: Sequence[Row], indent: int) -> list[str]:
    space = " " * indent
    lines = [f"{space}{key}:"]
    for row in rows:
        pairs = [f"{name}: {_scalar(value)}" for name, value in row.items()]
        lines += [f"{space}  {'- ' if at == 0 else '  '}{pair}" for at, pair in enumerate(pairs)]
    return lines


def _scalar(value: str | bool) -> str:
    """A YAML scalar; JSON's quoted strings are YAML's, but for characters that YAML does not print."""
    if isinstance(value, bool):
        return json.dumps(value)
    plain = _PLAIN.fullmatch(value) and not value.endswith(" ") and value.lower() not in _WORDS
    quoted = json.dumps(value, ensure_ascii=False)
    return value if plain else "".join(one if one.isprintable() else f"\\U{ord(one):08X}" for one in quoted)
