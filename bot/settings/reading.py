"""One configuration file being read: its tree, its folder, and what is wrong with it so far."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from bot.domain.secrets import HIDDEN, Redactor
from bot.settings.problems import Problems, listed, near_miss, shown
from bot.settings.section import Section
from bot.settings.shape import Document
from bot.settings.tree import KeyPath, Plain, Tree, kind_of

Model = TypeVar("Model", bound=BaseModel)

# Keys under which people put a secret itself; the second part is the key that ours begins with.
_PASTED = {
    "token": "token",
    "private_token": "token",
    "access_token": "token",
    "api_token": "token",
    "password": "password",
    "passwd": "password",
    "api_key": "password",
    "marker_key": "marker_key",
    "hook_secret": "hook_secret",
    "webhook_secret": "hook_secret",
    "secret": "hook_secret",
    "secret_token": "hook_secret",
    "client_secret": "client_secret",
    "application_secret": "client_secret",
}
_EXPECTED = {
    "string_type": "a text",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
}
_SHAPES = Redactor()
_USERINFO = re.compile(r"://[^/\s?#]*@")
_USER_ONLY = re.compile(r"^(postgres(?:ql)?://)[^/@:]*@([^@]*)\Z")  # who logs in to a database is no secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A file on its way to becoming settings. Every method that finds fault adds a problem and returns None."""

    tree: Tree
    folder: Path
    environ: Mapping[str, str]
    problems: Problems
    document: type[Section]

    def problem(self, path: KeyPath, what: str, remedy: str = "") -> None:
        """An error at that key."""
        self.problems.add(self.tree.where(path), path, what, remedy)

    def warn(self, path: KeyPath, sentence: str) -> None:
        """A warning at that key."""
        self.problems.warn(self.tree.where(path), sentence)

    def section(self, model: type[Model], path: KeyPath, value: Plain) -> Model | None:
        """`value` as the model; None when anything in it is wrong, all of it told."""
        found, whole = self.good_part(model, path, value)
        return found if whole else None

    def good_part(self, model: type[Model], path: KeyPath, value: Plain) -> tuple[Model | None, bool]:
        """`value` as the model without the keys that are wrong, which are told; and whether that was all of it.

        For sections whose keys stand on their own, so that a wrong one does not hide what else is wrong.
        """
        if not isinstance(value, dict):
            self._wrong_kind(path, "a mapping", value)
            return None, False
        try:
            return model.model_validate(value), True
        except ValidationError as error:
            details = error.errors(include_url=False)
        for detail in details:
            self._translate(model, path, detail)
        wrong = {detail["loc"][0] for detail in details}
        try:
            return model.model_validate({key: child for key, child in value.items() if key not in wrong}), False
        except ValidationError:  # a key it cannot do without is among the wrong ones
            return None, False

    def top_level(self) -> None:
        """Refuse unknown keys at the top level."""
        for key in self.tree.data:
            if key not in self.document.model_fields:
                self._unknown(self.document, (key,))

    def pasted_secrets(self) -> None:
        """Refuse values that are secrets by their shape, and credentials in URLs, wherever they stand."""
        for path, text in self.tree.texts():
            if path == ("state",):
                text = _USER_ONLY.sub(r"\1\2", text)
            if _USERINFO.search(text):
                remedy = "Take them out of the URL; use `username` with `password_env` or `password_file`"
                self.problem(path, f"{name(path)} carries credentials in its URL", remedy)
            elif _SHAPES.redact(text) != text:
                remedy = "Name an environment variable (`…_env`) or a file (`…_file`) instead, and replace the secret"
                self.problem(path, f"{name(path)} holds what looks like a secret itself", remedy)

    def file(self, path: KeyPath, text: str) -> Path | None:
        """The existing file that a key names, relative to this configuration."""
        target = locate(self.folder, text)
        if target is None:
            spoken = shown(str(self.folder / text), 200)
            self.problem(path, f"{name(path)} names `{spoken}`, which is not a file", "Correct the path")
        return target

    def folder_named(self, path: KeyPath, text: str) -> Path | None:
        """The existing folder that a key names, absolute, relative to this configuration."""
        try:
            target = (self.folder / Path(text).expanduser()).absolute()
            if target.is_dir():
                return target
        except (OSError, RuntimeError, ValueError):  # no right to look, no such home, a name no folder can have
            pass
        spoken = shown(str(self.folder / text), 200)
        self.problem(path, f"{name(path)} names `{spoken}`, which is not a folder", "Make it, or correct the path")
        return None

    def _wrong_kind(self, path: KeyPath, expected: str, value: Plain) -> None:
        remedy = ""
        if value is None:
            remedy = "Give it a value or leave the key out"
        elif expected == "a list":
            remedy = f"Write {name(path)[:-1]}: […]`"
        elif expected == "a text" and isinstance(value, bool | int):
            remedy = "Put it in quotes"
        elif expected == "a whole number" and isinstance(value, str):
            remedy = "Write it without quotes"
        self.problem(path, f"{name(path)} must be {expected}, not {kind_of(value)}", remedy)

    def _translate(self, model: type[BaseModel], above: KeyPath, detail: ErrorDetails) -> None:
        path = (*above, *detail["loc"])
        kind, given = detail["type"], detail["input"]
        if kind == "extra_forbidden":
            self._unknown(_within(model, detail["loc"]), path)
        elif kind == "missing":
            self.problem(path, f"{name(path)} is missing", "Add it")
        elif kind in _EXPECTED:
            self._wrong_kind(path, _EXPECTED[kind], given)
        elif kind == "literal_error":
            self._wrong_choice(path, re.findall(r"'([^']*)'", detail["ctx"]["expected"]), given)
        elif kind == "value_error":
            self.problem(path, f"{name(path)} {detail['ctx']['error']}")
        else:
            self.problem(path, f"{name(path)}: {shown(detail['msg'], 200)}")

    def _wrong_choice(self, path: KeyPath, choices: list[str], given: Plain) -> None:
        miss = near_miss(given, choices) if isinstance(given, str) else None
        said = f"not `{shown(given)}`" if isinstance(given, str) else f"not {kind_of(given)}"
        self.problem(path, f"{name(path)} must be {listed(choices)}, {said}", f"Did you mean `{miss}`?" if miss else "")

    def _unknown(self, model: type[BaseModel], path: KeyPath) -> None:
        fields = _model_at(model, path).model_fields
        key, known = str(path[-1]), {info.alias or field: info for field, info in fields.items()}
        stem = _PASTED.get(key.lower())
        if stem is not None:
            stem = stem if f"{stem}_env" in known else next((k[:-4] for k in known if k.endswith("_env")), None)
        if stem is not None:
            remedy = f"Use `{stem}_env` (the name of an environment variable) or `{stem}_file` (a path)"
            self.problem(path, f"{name(path)} would hold a secret in the file itself, which is refused", remedy)
            return
        what = f"unknown key {name(path)}"
        if HIDDEN in shown(key, 1000):
            self.problem(path, what, "It looks like a secret; remove and replace it")
        elif miss := near_miss(key, known):
            self.problem(path, what, f"Did you mean `{miss}`?")
        elif home := _home_of(key):
            self.problem(path, what, f"`{key}` belongs {home}")
        else:
            self.problem(path, what, f"Known here: {listed(known)}")


def _within(model: type[BaseModel], loc: tuple[int | str, ...]) -> type[BaseModel]:
    """The section that a problem is in: the model itself, or the one of a key of it."""
    for part in loc[:-1]:
        info = model.model_fields.get(str(part))
        inner = (info.annotation, *get_args(info.annotation)) if info is not None else ()
        model = next((kind for kind in inner if isinstance(kind, type) and issubclass(kind, BaseModel)), model)
    return model


def locate(folder: Path, text: str) -> Path | None:
    """The file `text` names, relative to `folder`, `~` understood; None when it cannot be found there."""
    try:
        target = folder / Path(text).expanduser()
        return target if target.exists() and not target.is_dir() else None
    except (OSError, RuntimeError, ValueError):  # no right to look, no such home, a name no file can have
        return None


def name(path: KeyPath) -> str:
    """A key as people write it: `` `indexes.pypi.username` ``, `` `releases[2].tags` `` (counted from 1)."""
    written = ""
    for part in path:
        written += f"[{part + 1}]" if isinstance(part, int) else f".{shown(part, 40)}" if written else shown(part, 40)
    return f"`{written}`"


def _model_at(model: type[BaseModel], path: KeyPath) -> type[BaseModel]:
    """The model of the section that holds the last key of `path`, as far as its keys lead into `model`."""
    for part in path[:-1]:
        field = model.model_fields.get(part) if isinstance(part, str) else None
        inner = next(iter(models_in(field.annotation)), None) if field is not None else None
        model = inner or model
    return model


def models_in(kind: object) -> list[type[BaseModel]]:
    """The models among a type and what it is made of: `list[Model] | None` holds one."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return [kind]
    return [model for part in get_args(kind) for model in models_in(part)]


def _home_of(key: str) -> str | None:
    """Where a key that is unknown here is at home, in words."""
    if key in Document.model_fields:
        return "at the top level of the configuration"
    for section, info in Document.model_fields.items():
        kind = info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel) and key in kind.model_fields:
            return f"under `{section}`"
    return None
