"""The name a project declares for itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.release.names import METADATA_FILES, declared_name


@pytest.mark.parametrize(
    ("path", "text", "name"),
    [
        ("pyproject.toml", '[project]\nname = "acme-widget"\n', "acme-widget"),
        ("pyproject.toml", '[tool.poetry]\nname = "acme-widget"\n', "acme-widget"),
        ("pyproject.toml", '[tool.poetry]\nname = "old"\n[project]\nname = "new"\n', "new"),
        ("pyproject.toml", '[build-system]\nrequires = ["setuptools"]\n', None),
        ("pyproject.toml", '[project]\nname = ""\n', None),
        ("pyproject.toml", "[project]\nname = 5\n", None),
        ("pyproject.toml", 'project = "x"\ntool = 3\n', None),
        ("pyproject.toml", "tool = {poetry = 1}\n", None),
        ("pyproject.toml", "[project\n", None),
        ("pyproject.toml", "x = " + "[" * 3000, None),
        ("pyproject.toml", "", None),
        ("setup.cfg", "[metadata]\nname = acme_widget\nversion = attr: x\n", "acme_widget"),
        ("setup.cfg", "[metadata]\nname = %(odd)s\n", "%(odd)s"),
        ("setup.cfg", "[metadata]\nname =\n", None),
        ("setup.cfg", "[options]\npackages = find:\n", None),
        ("setup.cfg", "no section\n", None),
        ("setup.cfg", "[metadata]\nname = a\nname = b\n", "b"),
    ],
)
def test_the_name_is_read_from_what_the_project_states(path: str, text: str, name: str | None) -> None:
    assert declared_name(path, text) == name


@given(st.sampled_from(METADATA_FILES), st.text(st.sampled_from('[]{}=".\n metadtaprojcnm%#:\\'), max_size=60))
def test_no_text_makes_reading_raise(path: str, text: str) -> None:
    assert declared_name(path, text) != ""
