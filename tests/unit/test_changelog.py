"""A changelog's section about a version is found however it is headed, and nothing else of the file."""

from __future__ import annotations

import pytest

from bot.domain.changelog import section_of, unreleased_of

KEPT = """\
# Changelog

Intro with 1.0.0 in it.

## [Unreleased]

- later

## [1.1.0] - 2026-08-03

### Added

- [Strands][s] of hemp

```
## 1.0.0
```

## [1.0.0] - 2026-01-01

- first

[s]: https://h.example/strands
[1.1.0]: https://h.example/compare/v1.0.0...v1.1.0
"""


@pytest.mark.parametrize(
    ("text", "version", "section"),
    [
        (KEPT, "1.1.0", "### Added\n\n- [Strands][s] of hemp\n\n```\n## 1.0.0\n```\n\n[S]: <https://h.example/strands>"),
        (KEPT, "2.0.0", None),
        (KEPT, "1.1", "### Added\n\n- [Strands][s] of hemp\n\n```\n## 1.0.0\n```\n\n[S]: <https://h.example/strands>"),
        ("## v1.1.0 (2026)\n\n- a\n\n## v1.0.0\n- b", "1.1.0", "- a"),
        ("1.1.0rc1 / 2026-08-03\n=====\n\n- a\n\n1.0\n===\n- b", "1.1.0rc1", "- a"),
        ("# Release 1.1.0-rc.1\r\n\r\n- a\r\n", "1.1.0rc1", "- a"),
        ("## 1.1.0 – a name with 1.0.0\n\n- a", "1.0.0", None),
        ("### 1.1.0\n\n- a\n\n## 1.0.0\n\n- b", "1.1.0", "- a"),
        ("## 1.1.0\n\n## 1.0.0\n\n- b", "1.1.0", None),
        ("## 2026\n\n- a", "2026", "- a"),
        ("## 1.1.0\n\n- a\n\n### Details\n\n- b", "1.1.0", "- a\n\n### Details\n\n- b"),
        ("- ## 1.1.0\n", "1.1.0", None),
        ("", "1.1.0", None),
    ],
)  # fmt: skip
def test_the_section_of_a_version(text: str, version: str, section: str | None) -> None:
    assert section_of(text, version) == section


@pytest.mark.parametrize(
    ("text", "section"),
    [
        (KEPT, "- later"),
        ("## Unreleased\n\n- a\n\n### Added\n\n- b\n\n## 1.0.0\n- c", "- a\n\n### Added\n\n- b"),
        ("UNRELEASED\n==========\n- a", "- a"),
        ("## [Unreleased](https://h.example/compare/v1...main)\n\n- a", "- a"),
        ("## Unreleased - 2026-09-01\n\n- a", "- a"),
        ("## [Unreleased]\n\n## 1.0.0\n\n- a", None),
        ("## Unreleased strands\n\n- a", None),
        ("## 1.0.0\n\n- unreleased", None),
    ],
)
def test_the_section_of_what_is_not_released(text: str, section: str | None) -> None:
    assert unreleased_of(text) == section
