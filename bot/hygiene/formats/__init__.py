"""A report in every format it is asked for in: one file each, all of one signature, pure.

    FORMATS["sarif"](report, catalogue, Options(version="1.2.3"))

gives the whole text; who called writes it where it belongs. `catalogue` maps ids to rules. Text for a terminal takes
`color` and `width`; the others ignore them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from bot.hygiene.formats import codequality, csv, html, json, junit, sarif, text
from bot.hygiene.formats.options import Catalogue, Format, Options

FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "text": text.render,
        "json": json.render,
        "sarif": sarif.render,
        "codequality": codequality.render,
        "junit": junit.render,
        "csv": csv.render,
        "html": html.render,
    }
)

# Read by other programs, which look into the document for findings and take an exit code for a failure of the tool.
FOR_PROGRAMS = frozenset({"sarif", "codequality", "junit"})

__all__ = ["FORMATS", "FOR_PROGRAMS", "Catalogue", "Format", "Options"]
