"""`spec: inputs` and `$[[ inputs.name ]]`: values checked against their declaration, then put in place."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from bot.sandbox.ci.model import CiError

_BLOCK = re.compile(r"\$\[\[\s*(.*?)\s*\]\]")
_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
}
_KEYS = {"default", "description", "options", "regex", "type"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Declared:
    name: str
    kind: str
    default: object
    required: bool
    options: tuple[object, ...]
    regex: str | None


def interpolate(body: object, *, spec: Mapping[str, object], given: Mapping[str, object]) -> object:
    """The configuration with every input block replaced; a block that is a whole value keeps its type.

    Raises:
        CiError: an unknown, missing or ill-typed input, or a block that names none.
    """
    declared = [_declared(name, node) for name, node in spec.items()]
    unknown = sorted(set(given) - set(spec))
    if unknown:
        raise CiError([f"unknown input arguments: {', '.join(unknown)}"])
    values = {each.name: _value(each, given) for each in declared}
    return _replace(body, values)


def _declared(name: str, node: object) -> _Declared:
    fields = node if isinstance(node, dict) else {}
    wrong = sorted(str(key) for key in set(fields) - _KEYS)
    if wrong:
        raise CiError([f"header:spec:inputs:{name} config contains unknown keys: {', '.join(wrong)}"])
    kind = fields.get("type", "string")
    if kind not in _TYPES:
        raise CiError([f"header:spec:inputs:{name} input type unknown value: {kind}"])
    options = fields.get("options")
    return _Declared(
        name=name,
        kind=str(kind),
        default=fields.get("default"),
        required="default" not in fields,
        options=tuple(options) if isinstance(options, list) else (),
        regex=str(fields["regex"]) if "regex" in fields else None,
    )


def _value(declared: _Declared, given: Mapping[str, object]) -> object:
    name = declared.name
    if name not in given and declared.required:
        raise CiError([f"`{name}` input: required value has not been provided"])
    source = "provided value" if name in given else "default value"
    value = given.get(name, declared.default)
    if not isinstance(value, _TYPES[declared.kind]) or (declared.kind == "number" and isinstance(value, bool)):
        article = "an" if declared.kind == "array" else "a"
        raise CiError([f"`{name}` input: {source} is not {article} {declared.kind}"])
    if declared.options and value not in declared.options:
        raise CiError([f"`{name}` input: `{value}` cannot be used because it is not in the list of allowed options"])
    if declared.regex is not None and not (isinstance(value, str) and re.search(declared.regex, value)):
        raise CiError([f"`{name}` input: {source} does not match required RegEx pattern"])
    return value


def _replace(node: object, values: Mapping[str, object]) -> object:
    if isinstance(node, str):
        whole = _BLOCK.fullmatch(node)
        if whole:
            return _lookup(whole[1], values)
        return _BLOCK.sub(lambda match: _text(_lookup(match[1], values)), node)
    if isinstance(node, list):
        return type(node)(_replace(item, values) for item in node)
    if isinstance(node, dict):
        return {_replace(key, values): _replace(item, values) for key, item in node.items()}
    return node


def _lookup(block: str, values: Mapping[str, object]) -> object:
    access, *functions = (part.strip() for part in block.split("|"))
    if functions:
        raise CiError(
            [f"no function matching `{functions[0]}`: check that the function name, arguments, and types are correct"]
        )
    scope, _, name = access.partition(".")
    if scope != "inputs" or name not in values:
        raise CiError([f"unknown interpolation key: `{name or access}`"])
    return values[name]


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)
