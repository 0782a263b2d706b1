"""Reads single keywords out of YAML nodes and writes down, in GitLab's words, what is wrong with them."""

from collections.abc import Collection, Mapping, Sequence

from bot.sandbox.ci import durations
from bot.sandbox.ci.spec import YamlVariable


class Lint:
    """The sentences of one reading, in the order found. Every reader below goes on after an error."""

    def __init__(self) -> None:
        self.errors: list[str] = []

    def refuse(self, where: str, why: str) -> None:
        """Note an error; `where` is `jobs:NAME:keyword` as GitLab writes it."""
        self.errors.append(f"{where} {why}")


def mapping(node: object, where: str, lint: Lint) -> Mapping[str, object]:
    """A hash; anything else is an error and reads as empty."""
    if isinstance(node, dict):
        return node
    lint.refuse(where, "config should be a hash")
    return {}


def known(node: Mapping[str, object], keys: Collection[str], where: str, lint: Lint) -> None:
    """Refuse by name every key this runner does not know."""
    unknown = [str(key) for key in node if key not in keys]
    if unknown:
        lint.refuse(where, f"config contains unknown keys: {', '.join(unknown)}")


def text(node: object, where: str, lint: Lint) -> str:
    """A string; numbers are read as written."""
    if isinstance(node, str) or (isinstance(node, int | float) and not isinstance(node, bool)):
        return str(node)
    lint.refuse(where, "config should be a string")
    return ""


def strings(node: object, where: str, lint: Lint) -> tuple[str, ...]:
    """A list of strings, or one string for a list of one."""
    items = node if isinstance(node, list) else [node]
    if all(isinstance(item, str) for item in items):
        return tuple(str(item) for item in items)
    lint.refuse(where, "config should be an array of strings")
    return ()


def commands(node: object, where: str, lint: Lint) -> tuple[str, ...]:
    """A script: a string or (nested) lists of strings, which are flattened."""
    flat = _flat(node, 0)
    if flat is not None and all(isinstance(item, str) for item in flat):
        return tuple(str(item) for item in flat)
    lint.refuse(where, "config should be a string or a nested array of strings up to 10 levels deep")
    return ()


def _flat(node: object, depth: int) -> list[object] | None:
    if not isinstance(node, list):
        return [node]
    if depth == 10:
        return None
    parts = [_flat(item, depth + 1) for item in node]
    return None if any(part is None for part in parts) else [item for part in parts if part for item in part]


def flattened(node: object) -> list[object] | None:
    """The entries of a list whose entries may be lists (as `!reference` leaves them); None if it is no list."""
    return _flat(node, 0) if isinstance(node, list) else None


def choice(node: object, allowed: Sequence[str], where: str, lint: Lint) -> str:
    """One of a few words; the first of them where it is not."""
    if isinstance(node, str) and node in allowed:
        return node
    lint.refuse(where, f"should be one of: {', '.join(allowed)}")
    return allowed[0]


def boolean(node: object, where: str, lint: Lint) -> bool:
    """true or false."""
    if isinstance(node, bool):
        return node
    lint.refuse(where, "should be a boolean value")
    return False


def duration(node: object, where: str, lint: Lint) -> int | None:
    """Seconds of a human duration."""
    found = durations.seconds(str(node)) if isinstance(node, str | int) and not isinstance(node, bool) else None
    if found is None:
        lint.refuse(where, "should be a duration")
    return found


def variables(node: object, where: str, lint: Lint) -> dict[str, YamlVariable]:
    """`variables`: plain values, or hashes with `value`, `description`, `options`, `expand`."""
    result: dict[str, YamlVariable] = {}
    for key, value in mapping(node, where, lint).items():
        here = f"{where}:{key}"
        if isinstance(value, dict):
            known(value, ("value", "description", "options", "expand"), here, lint)
            raw = not boolean(value.get("expand", True), f"{here} expand", lint)
            result[key] = YamlVariable(value=text(value.get("value", ""), here, lint), raw=raw)
        elif isinstance(value, bool) or not isinstance(value, str | int | float):
            lint.refuse(here, "config must be either a string or a hash")
        else:
            result[key] = YamlVariable(value=str(value))
    return result
