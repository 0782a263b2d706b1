"""What a release changes in files is its version and its section, and nothing else."""

from __future__ import annotations

from datetime import date

import pytest

from bot.domain.changelog import section_of, unreleased_of
from bot.domain.release_files import day_of, with_section, with_version

DAY = date(2026, 8, 3)


@pytest.mark.parametrize(
    ("text", "made"),
    [
        (None, "# Changelog\n\n## [1.1.0] - 2026-08-03\n\n- e\n"),
        ("\n", "# Changelog\n\n## [1.1.0] - 2026-08-03\n\n- e\n"),
        ("# C\n\n## [Unreleased]\n\n- a\n", "# C\n\n## [Unreleased]\n\n## [1.1.0] - 2026-08-03\n\n- a\n"),
        (
            "# C\n\n## Unreleased\n\n## 1.0.0\n\n- b\n",
            "# C\n\n## Unreleased\n\n## [1.1.0] - 2026-08-03\n\n- e\n\n## 1.0.0\n\n- b\n",
        ),
        ("# C\n\n## 1.0.0\n\n- b\n", "# C\n\n## [1.1.0] - 2026-08-03\n\n- e\n\n## 1.0.0\n\n- b\n"),
        ("# C\n", "# C\n\n## [1.1.0] - 2026-08-03\n\n- e\n"),
        ("# C\n\n## 1.1.0\n\n- b\n", "# C\n\n## 1.1.0\n\n- b\n"),
        (
            "```\n## Unreleased\n```\n\n## 1.0.0\n\n- b\n",
            "```\n## Unreleased\n```\n\n## [1.1.0] - 2026-08-03\n\n- e\n\n## 1.0.0\n\n- b\n",
        ),
        ("# C\r\n\r\n## Unreleased\r\n", "# C\r\n\r\n## Unreleased\r\n\r\n## [1.1.0] - 2026-08-03\r\n\r\n- e\r\n"),
    ],
)
def test_a_section_is_begun_where_readers_look_for_it(text: str | None, made: str) -> None:
    found = with_section(text, "1.1.0", DAY, "- e")
    assert found == made
    assert section_of(found, "1.1.0") is not None
    assert unreleased_of(found) is None
    assert with_section(found, "1.1.0", date(2027, 1, 1), "- other") == found


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("## [1.1.0] - 2026-08-03\n", DAY),
        ("## [1.1.0] - 2026-08-03\r\n", DAY),
        ("## [1.1.0] - 2026-13-03\n", None),
        ("## [1x1y0] - 2026-08-03\n", None),
        (None, None),
    ],
)
def test_the_day_of_a_section_is_read_back(text: str | None, day: date | None) -> None:
    assert day_of(text, "1.1.0") == day


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ('[project]\nversion = "1.0.0"  # x\n', '[project]\nversion = "1.1.0"  # x\n'),
        ("[ project ] # y\r\n  version='1.0.0'\r\n", "[ project ] # y\r\n  version='1.1.0'\r\n"),
        (
            '[tool.a]\nversion = "1.0.0"\n[project]\nname = "n"\nversion = "1.0.0"\n[tool.b]\nversion = "1.0.0"\n',
            '[tool.a]\nversion = "1.0.0"\n[project]\nname = "n"\nversion = "1.1.0"\n[tool.b]\nversion = "1.0.0"\n',
        ),
        ('[project]\ndynamic = ["version"]\n', '[project]\ndynamic = ["version"]\n'),
        ('[tool.x]\nversion = "1.0.0"\n', '[tool.x]\nversion = "1.0.0"\n'),
        ('project = {name = "n", version = "1.0.0"}\n', None),
        ('[project]\ndescription = """\nversion = "1.0.0"\n"""\nversion = "1.0.0"\n', None),
        ("[project\n", None),
    ],
)
def test_only_the_projects_own_version_is_changed_or_nothing(text: str, made: str | None) -> None:
    assert with_version(text, "1.1.0") == made
