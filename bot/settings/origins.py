"""Where each value of the configuration comes from: file and line, or a default."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import get_args, get_origin

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from bot.settings.reading import models_in, name
from bot.settings.shape import Document
from bot.settings.tree import KeyPath, Plain, Tree

DEFAULT = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """One key as people write it, its value in words, and `FILE:LINE` or the word `default`."""

    key: str
    value: str
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Origins:
    """The files a configuration was read from; none holds a secret, for those are refused."""

    trees: tuple[Tree, ...] = ()

    def where(self, path: KeyPath) -> str:
        """The place of a key that is written down, else `default`."""
        return next((tree.where(path) for tree in self.trees if path in tree.lines), DEFAULT)

    def every(self) -> Iterator[Origin]:
        """Every key there is, those of lists and mappings as far as they are written."""
        for field, info in Document.model_fields.items():
            tree = next((tree for tree in self.trees if field in tree.data), None)
            value = tree.data[field] if tree else None
            yield from self._keys((field,), info.annotation, value, info.default)

    def _keys(self, path: KeyPath, kind: object, value: Plain, default: object) -> Iterator[Origin]:
        """The keys at `path`, whose type is `kind`; `value` is what is written there, None for nothing."""
        model = next(iter(models_in(kind)), None)
        if model is None:
            where = self.where(path)
            if path[0] == "layers" and where == DEFAULT and len(path) > 2:
                return  # what a layer does not say it leaves as it is
            said = value if value is not None else _plain(default)
            yield Origin(key=name(path).strip("`"), value=_shown(said), where=where)
        elif isinstance(value, list):
            for place, one in enumerate(value):
                yield from self._within((*path, place), model, one)
        elif get_origin(kind) is dict or any(get_origin(part) is dict for part in get_args(kind)):
            for key, one in value.items() if isinstance(value, dict) else ():
                yield from self._within((*path, key), model, one)
        elif value is not None or isinstance(default, BaseModel):
            yield from self._within(path, model, value if value is not None else {})

    def _within(self, path: KeyPath, model: type[BaseModel], value: Plain) -> Iterator[Origin]:
        for field, info in model.model_fields.items():
            key = info.alias or field
            written = value.get(key) if isinstance(value, dict) else None
            yield from self._keys((*path, key), info.annotation, written, info.default)


def _plain(default: object) -> object:
    return None if default is PydanticUndefined else default


def _shown(value: object) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return "true" if value else "false"
        case timedelta():
            return f"{value.total_seconds():.0f}s"
        case list():
            return f"[{', '.join(_shown(one) for one in value)}]"
        case dict():
            return f"{{{', '.join(f'{key}: {_shown(one)}' for key, one in value.items())}}}"
        case _:
            return str(value)


NOWHERE = Origins()
