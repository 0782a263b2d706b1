"""The shape of a layer of policy: a preset, a group's entry, or a project's own file. Nothing here has a default.

Every key must stand in the table of `bot.domain.strictness`, which says what is stricter; `freeze` adds to the others'.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from bot.settings.section import Section
from bot.settings.shape_words import FreezeSection, Held
from bot.settings.values import Text, Variable


def _several(value: object) -> object:
    return [value] if isinstance(value, str) else value


Names = Annotated[
    list[Text],
    BeforeValidator(_several),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]


class LayerHygieneSection(Section):
    """`hygiene` of a layer: what stops a release, no later than before."""

    block_at: Literal["info", "low", "medium", "high", "never"] | None = None
    unknown: Literal["warn", "block"] | None = None
    variables: Annotated[list[Variable] | None, Field(description="Added to those of the organisation.")] = None


class LayerApprovalSection(Section):
    """`release.approval` of a layer: who has to say yes, no fewer than before."""

    from_: Annotated[Literal["developer", "maintainer", "owner"] | None, Field(alias="from")] = None
    count: Annotated[int | None, Field(ge=1, le=20)] = None
    users: list[Text] | None = None
    authors: Literal["shipped", "commit"] | None = None


class LayerExpectSection(Section):
    """`release.expect` of a layer: which files make a release whole, no fewer than before."""

    wheels: Annotated[int | None, Field(ge=0, le=300)] = None
    sdist: bool | None = None
    files: list[Text] | None = None


class LayerPipelineSection(Section):
    """`release.pipeline` of a layer: how far the bot may steer the pipeline, no further than before."""

    start: bool | None = None
    play: bool | None = None


class LayerReleaseSection(Section):
    """`release` of a layer: for every rule of `releases` that covers the project."""

    source: Literal["auto", "pipeline", "artifacts", "build"] | None = None
    indexes: Annotated[list[Text] | None, Field(description="Some of the rule's; its order stays.")] = None
    names: list[Text] | None = None
    new_names: Literal["allow", "refuse"] | None = None
    tag_reachable: bool | None = None
    hold_on: Annotated[list[Held] | None, Field(description="Added to those of the rule.")] = None
    install_check: bool | None = None
    approval: LayerApprovalSection | None = None
    expect: LayerExpectSection | None = None
    pipeline: LayerPipelineSection | None = None


class LayerSection(Section):
    """A layer: an entry of `presets` or `groups`, or a project's own `.gitlab/ropewalk.yaml`."""

    extends: Annotated[Names, Field(description="Presets by name, taken before what stands here.")] = []
    hygiene: LayerHygieneSection | None = None
    release: LayerReleaseSection | None = None
    freeze: Annotated[list[FreezeSection], Field(description="Added to those of the organisation.")] = []


class LayersSection(Section):
    """`layers`: what tightens the organisation's policy."""

    presets: Annotated[dict[str, LayerSection], Field(description="Layers that others extend by name.")] = {}
    groups: Annotated[dict[str, LayerSection], Field(description="By full path; the nearest comes last.")] = {}
    project_files: Annotated[
        Literal["warn", "block", "ignore"],
        Field(description="What a fault in a project's .gitlab/ropewalk.yaml does; ignore: none is read."),
    ] = "warn"
