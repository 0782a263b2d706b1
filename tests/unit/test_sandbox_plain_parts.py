"""The sandbox's pure parts beside CI: cron lines, commit trailers, changelog sections."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox.changelog import ChangelogError, inserted, previous_tag, read_config
from bot.sandbox.git.trailers import trailers
from bot.sandbox.world.cron import next_run

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)  # a Sunday


@pytest.mark.parametrize(
    ("line", "zone", "wanted"),
    [
        ("* * * * *", "UTC", datetime(2026, 11, 22, 12, 1, tzinfo=UTC)),
        ("0 12 * * *", "UTC", datetime(2026, 11, 23, 12, 0, tzinfo=UTC)),
        ("*/20 * * * *", "UTC", datetime(2026, 11, 22, 12, 20, tzinfo=UTC)),
        ("30 6 * * 1-5", "UTC", datetime(2026, 11, 23, 6, 30, tzinfo=UTC)),
        ("0 0 * * sun", "UTC", datetime(2026, 11, 29, tzinfo=UTC)),
        ("0 0 * * 7", "UTC", datetime(2026, 11, 29, tzinfo=UTC)),
        ("0 0 13 * fri", "UTC", datetime(2026, 11, 27, tzinfo=UTC)),
        ("0 0 29 2 *", "UTC", datetime(2028, 2, 29, tzinfo=UTC)),
        ("0 0 30 2 *", "UTC", None),
        ("0 8 * * *", "Asia/Tokyo", datetime(2026, 11, 22, 23, 0, tzinfo=UTC)),
        ("@monthly", "UTC", datetime(2026, 12, 1, tzinfo=UTC)),
    ],
)
def test_a_cron_line_names_its_next_minute(line: str, zone: str, wanted: datetime | None) -> None:
    assert next_run(line, zone, NOON) == wanted


@given(st.integers(0, 59), st.integers(0, 23), st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)))  # noqa: DTZ001  # given its zone below
def test_a_daily_line_comes_within_a_day(minute: int, hour: int, moment: datetime) -> None:
    start = moment.replace(tzinfo=UTC)
    found = next_run(f"{minute} {hour} * * *", "UTC", start)
    assert found is not None and (found.hour, found.minute) == (hour, minute)
    assert 0 < (found - start).total_seconds() <= 86_400


@pytest.mark.parametrize(
    ("message", "wanted"),
    [
        ("Title\n\nChangelog: added", {"Changelog": ["added"]}),
        (
            "Title\n\nBody\n\nChangelog: fixed\nSigned-off-by: A <a@b>\n",
            {"Changelog": ["fixed"], "Signed-off-by": ["A <a@b>"]},
        ),
        ("Title\n\nSome words\nChangelog: added", {}),
        ("Changelog: added", {}),
        ("Title\n\nChangelog: added\n\nMore words", {}),
        ("Title\n\nSee-also: one\n  two", {"See-also": ["one two"]}),
    ],
)
def test_trailers_are_the_last_paragraph_when_all_of_it_is(message: str, wanted: dict[str, list[str]]) -> None:
    assert trailers(message) == wanted


TAGS = ["v1.0.0", "v1.1.0", "v2.0.0-rc.1", "1.2.0", "other", "v1.10.0", "2.0.0rc1"]


@pytest.mark.parametrize(
    ("version", "wanted"),
    [("1.0.1", "v1.0.0"), ("2.0.0", "v1.10.0"), ("v1.10.0", "1.2.0"), ("1.0.0", None)],
)
def test_the_previous_tag_is_the_highest_stable_one_below(version: str, wanted: str | None) -> None:
    """GitLab: app/finders/repositories/changelog_tag_finder.rb; tags of pre-releases are passed over."""
    assert previous_tag(version, TAGS, read_config(None).tag_regex) == wanted


@pytest.mark.parametrize("version", ["1.0", "release 1.0.0", "1.0.0rc1"])
def test_a_version_gitlab_cannot_read_has_no_previous_tag(version: str) -> None:
    with pytest.raises(ChangelogError, match="format is not correct"):
        previous_tag(version, TAGS, read_config(None).tag_regex)


@pytest.mark.parametrize(
    ("text", "version", "wanted"),
    [
        ("", "1.0.0", "## 1.0.0 (D)\n\nX\n"),
        ("# Log\n\n## 1.0.0 (D)\n\nA\n", "1.1.0", "# Log\n\n## 1.1.0 (D)\n\nX\n\n## 1.0.0 (D)\n\nA\n"),
        ("## 2.0.0 (D)\n\nA\n", "1.1.0", "## 2.0.0 (D)\n\nA\n\n## 1.1.0 (D)\n\nX\n"),
        ("## 1.1.0 (D)\n\nA\n", "1.1.0", None),
    ],
)
def test_a_section_is_put_above_the_next_lower_version(text: str, version: str, wanted: str | None) -> None:
    """GitLab: lib/gitlab/changelog/generator.rb."""
    assert inserted(text, version, f"## {version} (D)\n\nX\n\n") == wanted
