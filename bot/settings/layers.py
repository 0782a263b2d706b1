"""`layers` of the configuration, and projects' own files, to the domain's layers of policy."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bot.domain.errors import ConfigError
from bot.domain.freezes import Freeze
from bot.domain.layers import OWN_FILE, Layer, OwnFile, PolicyLayers, ProjectFiles, Wish
from bot.domain.strictness import TABLE, Value
from bot.settings.freezes import read_freezes
from bot.settings.layer_shape import LayerSection, LayersSection
from bot.settings.problems import Problems, listed, near_miss, shown
from bot.settings.reading import Reading, name
from bot.settings.section import Section
from bot.settings.tree import KeyPath, Plain, parse

_PRESET_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_HERE: KeyPath = ("layers",)


def read_layers(reading: Reading, indexes: Sequence[str]) -> PolicyLayers:
    """The section `layers`, which is there. What is wrong in it is told, and left out."""
    value = reading.tree.data["layers"]
    section, _ = reading.good_part(LayersSection, _HERE, value)
    if section is None:
        return PolicyLayers(files=ProjectFiles.WARN)
    presets = _Presets(reading=reading, indexes=indexes, sections=section.presets)
    groups: dict[str, tuple[Layer, ...]] = {}
    for group, one in section.groups.items():
        path = (*_HERE, "groups", group)
        if "*" in group or "://" in group or group != group.strip("/ ") or not group:
            reading.problem(path, f"{name(path)} must be the full path of a group", "For example `acme/tools`")
            continue
        layer = presets.layer(path, one, f"group {shown(group)}")
        covered = tuple(_within(freeze, f"{group}/**") for freeze in layer.freezes)
        groups[group] = (*presets.extended(path, one.extends), replace(layer, freezes=covered))
    return PolicyLayers(presets=presets.all(), groups=groups, files=ProjectFiles(section.project_files))


def read_own_file(raw: bytes, project: str, layers: PolicyLayers) -> OwnFile:
    """A project's own file. What is wrong in it is said and left out; what remains can only tighten."""
    words = f"{OWN_FILE} of {project}"
    problems = Problems()
    try:
        tree = parse(raw, words, "extends")
    except ConfigError as error:
        return OwnFile(faults=(str(error),), words=words)
    reading = Reading(tree=tree, folder=Path("/"), environ={}, problems=problems, document=LayerSection)
    reading.pasted_secrets()
    section, _ = reading.good_part(LayerSection, (), tree.data)
    if section is None:
        return OwnFile(faults=tuple(map(str, problems.errors)), words=words)
    extended: list[Layer] = []
    for place, preset in enumerate(section.extends):
        if preset in layers.presets:
            extended += layers.presets[preset]
        else:
            _unknown(reading, ("extends", place), preset, layers.presets)
    freezes = tuple(_within(one, project, whole=True) for one in read_freezes(reading, (), None))
    own = Layer(name=f"project {project}", wishes=tuple(_wishes(reading, (), section, "")), freezes=freezes, own=True)
    return OwnFile(layers=(*_once(extended), own), faults=tuple(map(str, problems.errors)), words=words)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Presets:
    """The presets of a configuration, each read once and followed to those that it extends."""

    reading: Reading
    indexes: Sequence[str]
    sections: Mapping[str, LayerSection]
    chains: dict[str, tuple[Layer, ...]] = field(default_factory=dict)

    def all(self) -> dict[str, tuple[Layer, ...]]:
        """Every preset by name, with those that it extends before it."""
        for preset in self.sections:
            path = (*_HERE, "presets", preset)
            if not _PRESET_NAME.fullmatch(preset):
                self.reading.problem(path, f"{name(path)} must be a short name of letters, digits, `.`, `_` and `-`")
        return {preset: self._chain(preset, ()) for preset in self.sections}

    def extended(self, path: KeyPath, extends: Sequence[str], within: tuple[str, ...] = ()) -> tuple[Layer, ...]:
        """The presets that the layer at `path` extends, in its order; `within` are those that led here."""
        found: list[Layer] = []
        for place, preset in enumerate(extends):
            here = (*path, "extends", place)
            if preset in within:
                circle = " → ".join((*within[within.index(preset) :], preset))
                self.reading.problem(here, f"{name(here)} goes in a circle: {shown(circle, 200)}", "Take one out")
            elif preset not in self.sections:
                _unknown(self.reading, here, preset, self.sections)
            else:
                found += self._chain(preset, within)
        return _once(found)

    def _chain(self, preset: str, within: tuple[str, ...]) -> tuple[Layer, ...]:
        path, section = (*_HERE, "presets", preset), self.sections[preset]
        if preset not in self.chains:
            above = self.extended(path, section.extends, (*within, preset))
            self.chains[preset] = (*above, self.layer(path, section, f"preset {shown(preset)}"))
        return self.chains[preset]

    def layer(self, path: KeyPath, section: LayerSection, called: str) -> Layer:
        """A layer by itself, without those that it extends."""
        chosen = section.release.indexes or [] if section.release else []
        for place, index in enumerate(chosen):
            if index not in self.indexes:
                here = (*path, "release", "indexes", place)
                miss = near_miss(index, self.indexes)
                remedy = f"Did you mean `{miss}`?" if miss else f"Defined under `indexes`: {listed(self.indexes)}"
                self.reading.problem(here, f"{name(here)} names an index that is not defined", remedy)
        written: Plain = self.reading.tree.data
        for part in path:
            written = written.get(str(part)) if isinstance(written, dict) else None
        value = written.get("freeze", []) if isinstance(written, dict) else []
        freezes = read_freezes(self.reading, path, value)
        return Layer(name=called, wishes=tuple(_wishes(self.reading, path, section, "")), freezes=freezes)


def _once(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """Each preset once, where it came first: it can only tighten once."""
    first: dict[str, Layer] = {}
    for layer in layers:
        first.setdefault(layer.name, layer)
    return tuple(first.values())


def _unknown(reading: Reading, path: KeyPath, preset: str, known: Mapping[str, object]) -> None:
    miss = near_miss(preset, known)
    remedy = f"Did you mean `{miss}`?" if miss else f"There are {listed(known)}" if known else "There are none"
    reading.problem(path, f"{name(path)} names the preset `{shown(preset)}`, which is not defined", remedy)


def _wishes(reading: Reading, path: KeyPath, section: Section, above: str) -> Iterator[Wish]:
    """Every key that is written down, with its place."""
    for attribute, info in type(section).model_fields.items():
        if attribute not in section.model_fields_set:
            continue
        written, value = info.alias or attribute, getattr(section, attribute)
        here, key = (*path, written), f"{above}{written}"
        if isinstance(value, Section):
            yield from _wishes(reading, here, value, f"{key}.")
        elif key in TABLE and value is not None:
            yield Wish(key=key, value=_plain(value), where=reading.tree.where(here))


def _plain(value: object) -> Value:
    if isinstance(value, list):
        return tuple(map(str, value))
    assert isinstance(value, (str, int)), "the shape of layers has nothing else"
    return value


def _within(freeze: Freeze, covered: str, *, whole: bool = False) -> Freeze:
    """A freeze that speaks of no more than its layer does; one that names no projects means all of those."""
    return replace(freeze, projects=(covered,)) if whole or freeze.projects == ("**",) else freeze
