"""Which variable a job gets: GitLab's precedence, against a model that is slow and plain."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.gitlab import VariableFlags
from bot.hygiene.effective import effective
from bot.hygiene.wildcards import includes, matches, overlaps
from bot.sandbox.ci.variables import scope_rank
from bot.sandbox.world.settings import ref_matches
from tests.unit.hygiene_facts import PROJECT, variable

GROUPS = ("acme", "acme/tools", "acme/tools/deep")
SCOPES = ("*", "prod", "prod/*", "prod*", "review/*", "*/eu", "prod/eu")
NAMES = st.text(alphabet="ab*/", max_size=6)

flags = st.builds(
    variable,
    key=st.sampled_from(("TWINE_PASSWORD", "TWINE_USERNAME")),
    group=st.sampled_from((None, None, *GROUPS)),
    instance=st.booleans(),
    protected=st.booleans(),
    scope=st.sampled_from(SCOPES),
)


def in_words(found: list[VariableFlags], key: str, protected_ref: bool, environment: str | None) -> set[VariableFlags]:
    """What GitLab's documentation says: the nearest level that has one; there, the very name, a pattern, then `*`.

    Of several patterns GitLab promises none, so any of them will do.
    """
    usable = [one for one in found if one.key == key and (protected_ref or not one.protected)]
    places = [("project", PROJECT), *(("group", group) for group in reversed(GROUPS)), ("instance", "gitlab.example")]
    for place in places:
        level = [one for one in usable if (one.level, one.owner) == place]
        if environment is not None:
            exact = [one for one in level if one.environment_scope == environment]
            pattern = [
                one for one in level if one.environment_scope != "*" and ref_matches(one.environment_scope, environment)
            ]
            for part in (exact, pattern):
                if part:
                    return set(part)
        star = [one for one in level if one.environment_scope == "*"]
        if star:
            return set(star)
    return set()


@given(
    found=st.lists(flags, max_size=8),
    protected_ref=st.booleans(),
    environment=st.sampled_from((None, "prod", "prod/eu", "review/x", "test")),
)
def test_a_job_gets_what_gitlab_documents(
    found: list[VariableFlags], protected_ref: bool, environment: str | None
) -> None:
    """For every set of variables, ref and environment."""
    chosen = effective(found, protected_ref=protected_ref, environment=environment)
    for key in ("TWINE_PASSWORD", "TWINE_USERNAME"):
        allowed = in_words(found, key, protected_ref, environment)
        assert (chosen.get(key) in allowed) if allowed else (key not in chosen)


def test_a_protected_one_gives_way_on_an_unprotected_ref() -> None:
    """It is not empty: the next one in line is taken."""
    near, far = variable(scope="*"), variable(group="acme", protected=False, scope="*")
    assert effective([near, far], protected_ref=True, environment=None)["TWINE_PASSWORD"] == near
    assert effective([near, far], protected_ref=False, environment=None)["TWINE_PASSWORD"] == far


def test_an_inherited_exact_scope_does_not_beat_a_star_of_the_project() -> None:
    """Level comes first, then scope."""
    near, far = variable(scope="*"), variable(group="acme", scope="prod")
    assert effective([near, far], protected_ref=True, environment="prod")["TWINE_PASSWORD"] == near


@given(scope=NAMES, environment=NAMES.filter(lambda text: "*" not in text))
def test_scopes_fit_as_the_embedded_gitlab_fits_them(scope: str, environment: str) -> None:
    """Two implementations, one answer."""
    assert matches(scope, environment) == (scope_rank(scope, environment) is not None)


@given(wide=NAMES, narrow=NAMES, word=NAMES.filter(lambda text: "*" not in text))
def test_inclusion_holds_for_every_name(wide: str, narrow: str, word: str) -> None:
    """What the narrow one covers, the wide one covers; and what both cover shows that they overlap."""
    if includes(wide, narrow) and matches(narrow, word):
        assert matches(wide, word)
    if matches(wide, word) and matches(narrow, word):
        assert overlaps(wide, narrow)


def test_a_pattern_of_many_stars_takes_no_time() -> None:
    """As a regular expression it would take for ever."""
    assert not matches("*a" * 120 + "b", "a" * 255)
