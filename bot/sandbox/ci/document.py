"""From the text of `.gitlab-ci.yml` to one plain mapping: inputs, includes, `!reference` and `extends` resolved."""

import re
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import yaml

from bot.sandbox.ci.globs import compile_glob
from bot.sandbox.ci.inputs import interpolate
from bot.sandbox.ci.model import CiError

Tree: TypeAlias = dict[str, object]
ReadFile: TypeAlias = Callable[[str], str | None]
"""Text of a file at the pipeline's commit, by path from the root of the repository; None if it is not there."""
ListFiles: TypeAlias = Callable[[], list[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An included file: what it says, and the repository, at one commit, that its own includes are read in."""

    text: str
    read: ReadFile
    files: ListFiles


FindComponent: TypeAlias = Callable[[str], Place]
"""The component of an address as it stands in the file. Raises: CiError."""

MAX_BYTES = 1 << 20  # GitLab's max_yaml_size_bytes is 2 MiB; half of it is far beyond any real file
MAX_NODES = 100_000  # after anchors are expanded: a "billion laughs" file stops here
MAX_INCLUDES = 150  # GitLab's ci_max_includes
MAX_DEPTH = 10  # of `extends` and of nested `!reference`, as in GitLab
_INCLUDES = ("local", "component")
_RESERVED = {"default", "include", "stages", "variables", "workflow", "spec", "image", "services", "cache"}
_RESERVED |= {"before_script", "after_script"}


class Reference(tuple[str, ...]):
    """A `!reference [job, key, …]` tag."""

    __slots__ = ()


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with GitLab's one own tag."""


def _reference(loader: _Loader, node: yaml.Node) -> Reference:
    if not isinstance(node, yaml.SequenceNode):
        raise yaml.constructor.ConstructorError(None, None, "!reference is not a list", node.start_mark)
    return Reference(str(part) for part in loader.construct_sequence(node))


_Loader.add_constructor("!reference", _reference)


def load(text: str) -> list[object]:
    """The YAML documents of a text (one, or a `spec:` header and one).

    Raises:
        CiError: it is no YAML, or too large once its anchors are expanded.
    """
    if len(text.encode()) > MAX_BYTES:
        raise CiError(["Invalid configuration format: The parsed YAML is too big"])
    try:
        for node in yaml.compose_all(text, _Loader):
            if _size(node, {}) > MAX_NODES:
                raise CiError(["The parsed YAML is too big"])
        return list(yaml.load_all(text, _Loader))
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise CiError([f"Invalid configuration format: {' '.join(str(error).split())}"]) from error


def _size(node: yaml.Node | None, known: dict[int, int]) -> int:
    if node is None:
        return 0
    if id(node) not in known:
        known[id(node)] = MAX_NODES + 1  # a node inside itself is endless
        total = 1
        if isinstance(node, yaml.SequenceNode):
            total += sum(_size(item, known) for item in node.value)
        elif isinstance(node, yaml.MappingNode):
            total += sum(_size(key, known) + _size(value, known) for key, value in node.value)
        known[id(node)] = total
    return known[id(node)]


def merge(base: Mapping[str, object], over: Mapping[str, object]) -> Tree:
    """GitLab's deep merge: mappings merge, everything else is replaced."""
    result: Tree = dict(base)
    for key, value in over.items():
        below = result.get(key)
        result[key] = (
            merge(_tree(below), _tree(value)) if isinstance(below, dict) and isinstance(value, dict) else value
        )
    return result


def _tree(value: object) -> Tree:
    return {str(key): item for key, item in value.items()} if isinstance(value, dict) else {}


def no_components(address: str) -> Place:
    """What is found where there is nobody to ask. Raises: CiError."""
    raise CiError([f"Component '{address}' - content not found"])


def resolve(
    text: str,
    *,
    inputs: Mapping[str, object],
    read: ReadFile,
    files: ListFiles,
    component: FindComponent = no_components,
) -> Tree:
    """The whole configuration of a pipeline as one mapping.

    Raises:
        CiError: unreadable YAML, wrong inputs, an include or `extends` that leads nowhere.
    """
    whole = _with_includes(Place(text=text, read=read, files=files), inputs=inputs, component=component, seen=[])
    whole = {key: _dereference(value, whole, 0) for key, value in whole.items()}
    for name in list(whole):
        if name not in _RESERVED:
            whole[name] = _extended(name, whole, ())
    return whole


def _content(text: str, inputs: Mapping[str, object]) -> Tree:
    documents = load(text)
    header = documents[0] if len(documents) > 1 else None
    body = documents[-1] if documents else None
    if isinstance(header, dict) and set(header) == {"spec"}:
        body = interpolate(body, spec=_tree(_tree(header["spec"]).get("inputs")), given=inputs)
    elif inputs:
        raise CiError(["Given inputs not defined in the `spec` section of the included configuration file"])
    if not isinstance(body, dict):
        raise CiError(
            ["Invalid configuration format" if body is not None else "Please provide content of .gitlab-ci.yml"]
        )
    if not all(isinstance(key, Hashable) for key in body):
        raise CiError(["Invalid configuration format"])
    return _tree(body)


def _with_includes(here: Place, *, inputs: Mapping[str, object], component: FindComponent, seen: list[str]) -> Tree:
    body = _content(here.text, inputs)
    entries = body.pop("include", None)
    result: Tree = {}
    for entry in entries if isinstance(entries, list) else [] if entries is None else [entries]:
        kind, name, own = _include(entry)
        found = [component(name)] if kind == "component" else _local(name, here)
        for part in found:
            seen.append(name)
            if len(seen) > MAX_INCLUDES:
                raise CiError([f"Maximum of {MAX_INCLUDES} nested includes are allowed!"])
            result = merge(result, _with_includes(part, inputs=own, component=component, seen=seen))
    return merge(result, body)


def _include(entry: object) -> tuple[str, str, Mapping[str, object]]:
    """The keyword, what it names, and the inputs."""
    if isinstance(entry, str):
        if "://" in entry:
            raise CiError(["include config contains unknown keys: remote"])
        return "local", entry, {}
    if not isinstance(entry, dict):
        raise CiError(["include config should be an array of hashes"])
    refused = sorted(str(key) for key in entry if key not in (*_INCLUDES, "inputs"))
    if refused:
        raise CiError([f"include config contains unknown keys: {', '.join(refused)}"])
    named = [kind for kind in _INCLUDES if kind in entry]
    if len(named) > 1:
        raise CiError([f"Each include must use only one of: {', '.join(_INCLUDES)}"])
    if not named or not isinstance(entry[named[0]], str):
        raise CiError(["include config must specify the file where to fetch the config from"])
    return named[0], str(entry[named[0]]), _tree(entry.get("inputs"))


def _local(path: str, here: Place) -> Iterator[Place]:
    for found in _matching(path, here.files):
        text = here.read(found)
        if text is None:
            raise CiError([f"Local file `{path.lstrip('/')}` does not exist!"])
        if not text.strip():
            raise CiError([f"Local file `{found}` is empty!"])
        yield Place(text=text, read=here.read, files=here.files)


def _matching(path: str, files: ListFiles) -> list[str]:
    path = path.lstrip("/")
    if not path.endswith((".yml", ".yaml")):
        raise CiError([f"Included file `{path}` does not have YAML extension!"])
    if "*" not in path:
        return [path]
    pattern = compile_glob(path)
    found = [name for name in files() if pattern.fullmatch(name)]
    if not found:
        raise CiError([f"Local file `{path}` do not have any matching files!"])
    return found


def _dereference(value: object, whole: Tree, depth: int) -> object:
    if depth > MAX_DEPTH * 4:
        raise CiError(["!reference is nested too deeply"])
    if isinstance(value, Reference):
        target: object = whole
        for part in value:
            if not isinstance(target, dict) or part not in target:
                shown = ", ".join(f'"{name}"' for name in value)
                raise CiError([f"!reference [{shown}] could not be found"])
            target = target[part]
        return _dereference(target, whole, depth + MAX_DEPTH // 2)
    if isinstance(value, list):
        return [_dereference(item, whole, depth + 1) for item in value]
    if isinstance(value, dict):
        return {str(key): _dereference(item, whole, depth + 1) for key, item in value.items()}
    return value


def _extended(name: str, whole: Tree, path: tuple[str, ...]) -> object:
    job = whole[name]
    if not isinstance(job, dict) or "extends" not in job:
        return job
    if name in path:
        raise CiError([f"{name}: circular dependency detected in `extends`"])
    if len(path) == MAX_DEPTH:
        raise CiError([f"{name}: nesting too deep in `extends`"])
    names = job["extends"] if isinstance(job["extends"], list) else [job["extends"]]
    base: Tree = {}
    for parent in names:
        if not isinstance(parent, str) or parent not in whole:
            raise CiError([f"{name}: unknown keys in `extends` ({parent})"])
        base = merge(base, _tree(_extended(parent, whole, (*path, name))))
    return merge(base, {key: value for key, value in job.items() if key != "extends"})


def is_hidden(name: str) -> bool:
    """Whether a top-level key is a hidden job."""
    return name.startswith(".")


def is_reserved(name: str) -> bool:
    """Whether a top-level key is a keyword and no job."""
    return name in _RESERVED


SKIP_CI = re.compile(r"\[(ci[ _-]skip|skip[ _-]ci)\]", re.IGNORECASE)
"""A commit message with it gets a skipped pipeline when pushed. Source: gitlabhq `chain/skip.rb`."""
