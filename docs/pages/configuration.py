"""docs/reference/configuration.md: every key with its type and default, out of the shapes that the bot reads by."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, TypeAlias

from bot.settings import schema_of
from bot.settings.layer_shape import LayerSection
from bot.settings.section import Section
from bot.settings.shape import Document, WaiversDocument

Schema: TypeAlias = Mapping[str, Any]

HEAD = """\
# Configuration

Every key of every file, made from the shapes that the bot reads by: what is not here does not exist, and stops the
start with its file, its line and the likely meaning. Files are plain YAML, at most 64 KiB, without anchors, aliases,
merge keys and tags; relative paths are relative to the file. `ropewalk config init` writes commented examples,
`ropewalk config check` says what is wrong, `ropewalk config explain KEY` what a value is and which line set it, and
`ropewalk config schema` prints the same as a JSON Schema for editors.

A *duration* is written `90s`, `15m`, `1h30m` or `2d`, a *size* `512MiB` or `2GiB`. Secrets stand in no file of these:
a `…_env` names an environment variable, a `…_file` a file that holds the secret alone.
"""
FILES: tuple[tuple[str, type[Section], str], ...] = (
    (
        "ropewalk.yaml",
        Document,
        "The configuration. `releases`, `notes`, `hygiene`, `freeze` and `layers` may stand in the file that `policy`\n"
        "names instead.",
    ),
    (
        ".gitlab/ropewalk.yaml",
        LayerSection,
        "A project's own file, and each entry of `layers.presets` and `layers.groups`.\n"
        "[Policy in layers](../policy.md) says which values count as stricter.",
    ),
    (
        "waivers.yaml",
        WaiversDocument,
        "The file that `hygiene.waivers` names. [Waivers](../reports.md#waivers) says what one does.",
    ),
)
# A key of a layer means what the same key of the organisation's policy means.
COUNTERPART = {
    "LayerHygieneSection": "HygieneSection",
    "LayerReleaseSection": "RuleSection",
    "LayerApprovalSection": "ApprovalSection",
    "LayerExpectSection": "ExpectSection",
    "LayerPipelineSection": "PipelineSection",
}
REF = "#/$defs/"


def page() -> str:
    """The whole page, ending in a line break."""
    homes = {LayerSection.__name__: f"`{FILES[1][0]}`"}
    return HEAD + "".join(_file(*one, homes) for one in FILES)


def _file(name: str, shape: type[Section], about: str, homes: dict[str, str]) -> str:
    """A file and the sections in it; `homes` gets the headings under which they stand, by shape."""
    schema = schema_of(shape)
    text = f"\n## `{name}`\n\n{about}\n"
    of = " of a layer" if shape is LayerSection else ""
    for path, section in list(_sections("", schema, schema.get("$defs", {}), homes, of)):
        if path:
            text += f"\n### {path}\n\n{_sentence(section)}\n"
        text += f"\n{_table(section, schema.get('$defs', {}), homes)}"
    return text


def _sections(
    path: str, schema: Schema, defs: Mapping[str, Schema], homes: dict[str, str], of: str
) -> Iterator[tuple[str, Schema]]:
    """A section and those within it, each with its heading: the path that people write, and `of` what it is.

    A shape is shown once, where it stands first.
    """
    inner = {}
    for key, node in schema["properties"].items():
        for name, more in _references(node):
            if name not in homes:
                inner[name] = f"{path}.{key}{more}".lstrip(".")
                homes[name] = f"`{inner[name]}`{of}"
    yield f"`{path}`{of}" if path else "", schema
    for name, there in inner.items():
        yield from _sections(there, defs[name], defs, homes, of)


def _references(node: Schema, more: str = "") -> Iterator[tuple[str, str]]:
    """The sections that a value may hold, and what follows the key in their paths."""
    if "$ref" in node:
        yield node["$ref"].removeprefix(REF), more
    for option in node.get("anyOf", ()):
        yield from _references(option, more)
    if "items" in node:
        yield from _references(node["items"], f"{more}[]")
    if isinstance(node.get("additionalProperties"), Mapping):
        yield from _references(node["additionalProperties"], f"{more}.NAME")


def _sentence(section: Schema) -> str:
    """What its docstring says after its name."""
    told = " ".join(str(section["description"]).split("\n\n")[0].split())
    said = told.partition(": ")[2] or told
    return said[0].upper() + said[1:]


def _table(section: Schema, defs: Mapping[str, Schema], homes: Mapping[str, str]) -> str:
    needed = section.get("required", ())
    rows = ["| key | type | default | |", "|---|---|---|---|"]
    for key, node in section["properties"].items():
        default = "needed" if key in needed else _default(node)
        rows.append(f"| `{key}` | {_type(node, homes)} | {default} | {_meaning(section, key, node, defs)} |")
    return "\n".join(rows) + "\n"


def _type(node: Schema, homes: Mapping[str, str]) -> str:
    """What a value may be, in words."""
    if "$ref" in node:
        return _link(node["$ref"].removeprefix(REF), homes)
    options = [one for one in node.get("anyOf", ()) if one.get("type") != "null"]
    if options and node.get("type") != "string":
        return " or ".join(dict.fromkeys(_type(one, homes) for one in options))
    for word in ("enum", "const"):
        if word in node:
            return ", ".join(f"`{one}`" for one in (node[word] if word == "enum" else [node[word]]))
    kinds = [node["type"]] if isinstance(node["type"], str) else node["type"]
    return " or ".join(_plain(kind, node, homes) for kind in kinds)


def _plain(kind: str, node: Schema, homes: Mapping[str, str]) -> str:
    match kind:
        case "array":
            inner = _type(node["items"], homes)
            return f"list of {'texts' if inner == 'text' else inner}"
        case "object":
            return f"by name: {_type(node['additionalProperties'], homes)}"
        case "boolean":
            return "`true`, `false`"
        case "integer" | "number" if "minimum" in node:
            return f"{node['minimum']} to {node['maximum']}"
        case "integer":
            return "number"
        case _ if "anyOf" in node:
            return "`now`, `all` or a time"
        case _ if "format" in node:
            return "day"
        case _ if "pattern" in node:
            return "size" if "MiB" in node["pattern"] else "duration"
    return "text"


def _link(name: str, homes: Mapping[str, str]) -> str:
    heading = homes[name]
    return f"[{heading}](#{re.sub(r'[^a-z0-9_-]', '', heading.lower().replace(' ', '-'))})"


def _default(node: Schema) -> str:
    default = node.get("default")
    if default is None or default in ([], {}) or isinstance(default, dict) or "$ref" in node:
        return ""
    if isinstance(default, list):
        return ", ".join(f"`{one}`" for one in default)
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def _meaning(section: Schema, key: str, node: Schema, defs: Mapping[str, Schema]) -> str:
    """What is said of a key, by itself or by the section it holds."""
    if "description" in node:
        return str(node["description"])
    for name, _ in _references(node):
        return _sentence(defs[name])
    other = _shapes()[COUNTERPART[section["title"]]]
    return str(other["properties"][key]["description"])


@cache
def _shapes() -> Mapping[str, Schema]:
    """All shapes of the configuration by name."""
    found: Mapping[str, Schema] = schema_of(Document)["$defs"]
    return found
