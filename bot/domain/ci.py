"""A project's `.gitlab-ci.yml` as frozen facts: what hygiene rules need to know of it, parsed once by the adapter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True)
class CiLine:
    """One line of a script and where it stands; `line` is 1-based in the file it was read from, None if merged in."""

    text: str
    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CiJob:
    """One job. `script` holds before_script, script and after_script in the order they run.

    `publishes` says that it uploads distributions, `uses` names the variables it reads (`$NAME` in scripts, variables,
    image). `rules` are the `if` expressions with their `when`, `only`/`excepts` the refs of the old keywords.
    """

    name: str
    line: int | None
    stage: str
    image: str | None
    script: tuple[CiLine, ...]
    publishes: bool
    uses: frozenset[str] = frozenset()
    variables: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    environment: str | None = None
    rules: tuple[tuple[str | None, str], ...] | None = None
    only: tuple[str, ...] | None = None
    excepts: tuple[str, ...] | None = None
    id_tokens: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    when: str = "on_success"


@dataclass(frozen=True, slots=True, kw_only=True)
class CiFacts:
    """One CI file. `merged` says that includes and extends were resolved; else `includes` may hide jobs."""

    jobs: tuple[CiJob, ...]
    variables: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    id_tokens: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    image: str | None = None
    includes: tuple[str, ...] = ()
    merged: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CiUnknown:
    """A CI file that could not be read within bounds; `reason` is a sentence."""

    reason: str
