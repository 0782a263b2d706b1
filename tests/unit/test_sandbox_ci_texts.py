"""The small readers of the runner: durations, path patterns, slugs, dotenv files, scripts, and the mask."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.sandbox.ci import durations
from bot.sandbox.ci.artifacts import dotenv
from bot.sandbox.ci.globs import compile_glob, covers
from bot.sandbox.ci.masking import MASK, Masker
from bot.sandbox.ci.predefined import environment_slug, environment_tier, slug
from bot.sandbox.ci.shell import compose


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("42", 42),
        ("42 seconds", 42),
        ("3 mins 4 sec", 184),
        ("2 hrs 20 min", 8400),
        ("2h20min", 8400),
        ("1 week", 604800),
        ("6 mos 1 day", 6 * 2592000 + 86400),
        ("47 yrs 6 mos and 4d", 47 * 31536000 + 6 * 2592000 + 4 * 86400),
        ("1.5 hours", 5400),
        ("3 fortnights", None),
        ("soon", None),
        ("", None),
        ("-1 day", None),
    ],
)
def test_durations(text: str, expected: int | None) -> None:
    assert durations.seconds(text) == expected


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("dist/*", "dist/a.whl", True),
        ("dist/*", "dist/deep/a.whl", True),  # the folder `deep` is named, and with it all it holds
        ("dist/*.whl", "dist/deep/a.whl", False),
        ("dist", "dist/deep/a.whl", True),
        ("dis", "dist/a.whl", False),
        ("**/*.whl", "a.whl", True),
        ("**/*.whl", "x/y/a.whl", True),
        ("x/**/a", "x/a", True),
        ("x/**/a", "x/1/2/a", True),
        ("x/**", "x/1/2", True),
        ("*.{whl,tar.gz}", "a.tar.gz", True),
        ("[a-c]?.py", "b1.py", True),
        ("[!a-c].py", "b.py", False),
        ("a+b", "a+b", True),
        ("a.b", "axb", False),
    ],
)
def test_path_patterns(pattern: str, path: str, expected: bool) -> None:
    assert covers(pattern, path) is expected


@given(st.text(alphabet="ab*?[]{}!^,/\\.-", max_size=12), st.text(alphabet="ab/.", max_size=8))
@example("[?-/]", "")
def test_every_text_is_a_pattern(pattern: str, path: str) -> None:
    try:
        compile_glob(pattern)
    except ValueError:
        pytest.fail(f"{pattern!r} is refused")
    assert covers(pattern, path) in (True, False)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("v1.2.3", "v1-2-3"), ("Feature/Ä", "feature"), ("-x-", "x"), ("a" * 70, "a" * 63), ("__", "")],
)
def test_slugs(text: str, expected: str) -> None:
    assert slug(text) == expected


def test_an_environment_slug_is_kept_or_gets_a_digest() -> None:
    assert environment_slug("production") == "production"
    assert environment_slug("review/Feature").startswith("review-feature-")
    assert environment_slug("1").startswith("env-1-")
    assert len(environment_slug("x" * 60)) == 24


@pytest.mark.parametrize(
    ("name", "tier"),
    [
        ("production", "production"),
        ("staging", "staging"),
        ("review/x", "development"),
        ("test", "testing"),
        ("x", "other"),
    ],
)
def test_tiers(name: str, tier: str) -> None:
    assert environment_tier(name) == tier


def test_dotenv() -> None:
    assert dotenv("# c\n\nA=1\nexport B='two words'\nC=x=y\n") == {"A": "1", "B": "two words", "C": "x=y"}
    with pytest.raises(ValueError, match="Invalid Format: nonsense"):
        dotenv("A=1\nnonsense")


def test_a_script_shows_the_first_line_of_each_command() -> None:
    script = compose(["echo it's", "for x in 1 2\ndo echo $x\ndone"])
    assert script.splitlines()[1] == "echo it's"
    assert "$ for x in 1 2 # collapsed multi-line command" in script
    assert script.endswith("for x in 1 2\ndo echo $x\ndone\n")


SECRETS = st.lists(st.text(alphabet="abc", min_size=1, max_size=5), max_size=4)


@given(SECRETS, st.lists(st.text(alphabet="abcd", max_size=8), max_size=8))
def test_the_mask_does_not_depend_on_how_the_stream_is_cut(secrets: list[str], chunks: list[str]) -> None:
    whole, pieces = Masker(secrets), Masker(secrets)
    text = "".join(chunks).encode()
    expected = whole.feed(text) + whole.finish()
    shown = b"".join(pieces.feed(chunk.encode()) for chunk in chunks) + pieces.finish()
    assert shown == expected
    assert not any(secret.encode() in part for secret in secrets for part in shown.split(MASK))


@given(SECRETS, st.text(alphabet="abcd", max_size=20))
def test_nothing_else_is_hidden(secrets: list[str], text: str) -> None:
    masker = Masker(secrets)
    shown = masker.feed(text.encode()) + masker.finish()
    if not any(secret in text for secret in secrets):
        assert shown == text.encode()


def test_what_cannot_become_a_secret_is_shown_at_once() -> None:
    masker = Masker(["secret"])
    assert masker.feed(b"a line\nsec") == b"a line\n"
    assert masker.feed(b"ond") == b"second"
    assert masker.feed(b"s") == b""
    assert masker.finish() == b"s"
