"""towncrier's fragments and what it writes: read as it reads them, without running it.

The kept texts are what towncrier 26.9.0 printed for these files (`towncrier build --draft`).
"""

from __future__ import annotations

import time

import pytest

from bot.domain.changelog import section_of
from bot.domain.fragments import Fragment, fragment_of, news_of, read_towncrier
from bot.domain.restructured import as_markdown
from bot.notes.markdown import rewritten

PYPROJECT = """\
[project]
name = "acme-widget"
[tool.towncrier]
directory = "news"
[[tool.towncrier.section]]
name = ""
path = ""
[[tool.towncrier.section]]
name = "Web"
path = "web"
"""
HEMP = "Strands of ``hemp``, see `the guide <https://h.example/g>`_.\nTwo lines.\n"
FILES = {
    "news/12.feature.rst": HEMP,
    "news/3.feature": HEMP,
    "news/+x.bugfix": "Orphan thing\n",
    "news/7.misc": "hidden\n",
    "news/gh-9.misc.1": "hidden\n",
    "news/web/fix-1.2.3.feature": "Pages\n",
    "news/README.rst": "no\n",
    "news/notes.txt": "no\n",
    "other/1.feature": "no\n",
}
WRITTEN = """\
=========
Changelog
=========

.. towncrier release notes start

acme-widget 1.1.0 (2026-09-01)
==============================

Features
--------

- Strands of ``hemp``, see `the guide <https://h.example/g>`_.
  Two lines. (#3, #12)


Bugfixes
--------

- Orphan thing


Misc
----

- gh-9, #7


Web
---

Features
~~~~~~~~

- Pages (fix-1.2.3)

acme-widget 1.0.0 (2026-01-01)
==============================

Features
--------

- First
"""
SAID = [
    "### Features",
    "- Strands of `hemp`, see [the guide](https://h.example/g). Two lines. (`#3`, `#12`)",
    "### Bugfixes",
    "- Orphan thing",
    "### Misc",
    "- gh-9, `#7`",
    "### Web",
    "#### Features",
    "- Pages (fix-1.2.3)",
]


def test_fragments_say_what_towncrier_will_write() -> None:
    settings = read_towncrier(None, PYPROJECT)
    assert settings is not None
    assert rewritten(news_of(settings, FILES)) == SAID


def test_what_towncrier_wrote_into_a_file_is_found_and_reads_the_same() -> None:
    section = section_of(as_markdown(WRITTEN), "1.1.0")
    assert section is not None
    assert [one.lstrip("#") for one in rewritten(section)] == [one.lstrip("#") for one in SAID]


@pytest.mark.parametrize(
    ("own", "project", "path", "fragment"),
    [
        (None, PYPROJECT, "news/012.feature.2.rst", Fragment(section="", type="feature", issue="12")),
        (None, PYPROJECT, "news/web/x.bugfix", Fragment(section="Web", type="bugfix", issue="x")),
        (None, PYPROJECT, "news/12.unknown", None),
        (None, PYPROJECT, "news/feature", None),
        (None, PYPROJECT, "news/deep/1.feature", None),
        ("[tool.towncrier]\npackage='w'\npackage_dir='src'", None, "src/w/newsfragments/1.doc",
         Fragment(section="", type="doc", issue="1")),
        ("[tool.towncrier]\nname='w'", "[project]\nname='w'", "w/newsfragments/1.doc",
         Fragment(section="", type="doc", issue="1")),
        ("[tool.towncrier]\ndirectory='n'\n[tool.towncrier.fragment.fix]", None, "n/1.fix",
         Fragment(section="", type="fix", issue="1")),
        ("[tool.towncrier]\ndirectory='n'\n[[tool.towncrier.type]]\ndirectory='new'\nname='N'", None, "n/1.new",
         Fragment(section="", type="new", issue="1")),
        ("[tool.towncrier]\ndirectory='n'\nignore=['1.*']", None, "n/1.doc", None),
        ("[tool.towncrier]\ndirectory='../n'", None, "../n/1.doc", None),
        ("[tool.towncrier]\ndirectory='/n'", None, "/n/1.doc", None),
    ],
)  # fmt: skip
def test_names_are_read_as_towncrier_reads_them(
    own: str | None, project: str | None, path: str, fragment: Fragment | None
) -> None:
    settings = read_towncrier(own, project)
    assert settings is not None
    assert fragment_of(settings, path) == fragment


@pytest.mark.parametrize("text", ["", "[tool.black]\n", "no toml", "[tool]\ntowncrier = 3\n", "a = " + "[" * 5000])
def test_a_project_without_towncrier_has_none(text: str) -> None:
    assert read_towncrier(None, text) is None


@pytest.mark.parametrize("text", [" " * 40_000, "`a" * 20_000, ".. x\n\n" * 10_000, "a\n~~~\n" * 8_000])
def test_a_text_made_to_take_long_costs_what_its_length_does(text: str) -> None:
    """Four times the text, about four times the work: sixteen times would be that of somebody who looks back."""

    def work(length: int) -> float:
        before = time.process_time()
        as_markdown("`" + text * length)
        return time.process_time() - before

    assert work(4) < 10 * max(work(1), 0.01)


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("A\n~~~~\n\n* one\n#. two", "# A\n\n\n* one\n1. two"),
        ("=====\nA\n=====\nB\n=====", "# A\n\n\n## B"),
        ("see :issue:`12` and `name`_ and ``:x:`y` ``", "see `12` and name and ``:x:`y` ``"),
        (".. code-block:: python\n   :linenos:\n\n   x = 1\n\nend", "~~~~\n\n   x = 1\n\n~~~~\n\nend"),
        (".. note:: gone\n\n   gone too\n\nend", "end"),
        ("a -- b\n\n----\n\nc", "a -- b\n\n----\n\nc"),
    ],
)
def test_restructured_text_reads_as_markdown(text: str, markdown: str) -> None:
    assert as_markdown(text).strip() == markdown
