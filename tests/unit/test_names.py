"""The name and version a project states for itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.release.names import LONGEST_PROGRAM, METADATA_FILES, Stated, declared_name, stated


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


SETUP = 'import setuptools\nsetuptools.setup(name="acme-widget", version="1.2", packages=["a"])\n'


@pytest.mark.parametrize(
    ("path", "text", "name", "version"),
    [
        ("pyproject.toml", '[project]\nname = "w"\nversion = "1.2"\n', "w", "1.2"),
        ("pyproject.toml", '[project]\nname = "w"\ndynamic = ["version"]\n', "w", None),
        ("pyproject.toml", '[project]\nname = "w"\n[tool.poetry]\nname = "x"\nversion = "9"\n', "w", None),
        ("pyproject.toml", '[tool.poetry]\nname = "w"\nversion = "1.2"\n', "w", "1.2"),
        ("pyproject.toml", '[project]\nname = "w"\nversion = 1.2\n', "w", None),
        ("setup.cfg", "[metadata]\nname = w\nversion = 1.2\n", "w", "1.2"),
        ("setup.cfg", "[metadata]\nname = w\nversion = attr: w.__version__\n", "w", None),
        ("setup.cfg", "[metadata]\nname = w\nversion = file: VERSION\n", "w", None),
        ("setup.py", SETUP, "acme-widget", "1.2"),
        ("setup.py", 'from setuptools import setup\nsetup(name="w", version=VERSION)\n', "w", None),
        ("setup.py", 'from setuptools import setup\nsetup(name="w", version=f"{x}")\n', "w", None),
        ("setup.py", "from setuptools import setup\nsetup(**settings)\n", None, None),
        ("setup.py", SETUP + SETUP, None, None),
        ("setup.py", "import os\n", None, None),
        ("setup.py", "def (\n", None, None),
        ("setup.py", "x = " + "(" * 5000 + ")" * 5000, None, None),
        ("setup.py", "x = " + "-" * 30_000 + "1", None, None),
        ("setup.py", "x = a" + ".b" * 20_000 + "\n" + SETUP, None, None),
        ("setup.py", SETUP + "#" * LONGEST_PROGRAM, None, None),
        ("setup.py", "x = '\0'\n", None, None),
    ],
)
def test_the_version_is_read_where_it_is_stated_in_plain_words(
    path: str, text: str, name: str | None, version: str | None
) -> None:
    assert stated(path, text) == Stated(name=name, version=version)
