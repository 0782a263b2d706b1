"""`rules: if` means here what it means in GitLab."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox.ci.expressions import MAX_TOKENS, ExpressionError, parse, truthful

VARIABLES = {
    "CI_COMMIT_TAG": "v1.2.3",
    "BRANCH": "release/1.x",
    "EMPTY": "",
    "BLANK": "  ",
    "PATTERN": "/^v\\d/",
    "BROKEN": "v.*",
    "YES": "true",
}

TABLE = [
    # a variable alone: set and not blank
    ("$CI_COMMIT_TAG", True),
    ("$MISSING", False),
    ("$EMPTY", False),
    ("$BLANK", False),
    # equality; undefined is null, and null is not the empty string
    ('$CI_COMMIT_TAG == "v1.2.3"', True),
    ("$CI_COMMIT_TAG == 'v1.2.4'", False),
    ("$CI_COMMIT_TAG != 'v1.2.4'", True),
    ("$MISSING == null", True),
    ("null == $MISSING", True),
    ('$MISSING == ""', False),
    ('$EMPTY == ""', True),
    ("$EMPTY == null", False),
    ("$MISSING == $ALSO_MISSING", True),
    ('$YES == "true"', True),
    ("$YES == true", False),
    ("true", True),
    ("false", False),
    # patterns
    ("$CI_COMMIT_TAG =~ /^v\\d+\\.\\d+/", True),
    ("$CI_COMMIT_TAG =~ /^V1/", False),
    ("$CI_COMMIT_TAG =~ /^V1/i", True),
    ("$CI_COMMIT_TAG !~ /^w1/", True),
    ("$BRANCH =~ /^release\\/1/", True),
    ("$MISSING =~ /.*anything/", False),
    ("$MISSING !~ /.*anything/", True),
    ("$MISSING =~ /^$/", True),
    ("$CI_COMMIT_TAG =~ $PATTERN", True),
    ('$CI_COMMIT_TAG =~ "/^v1/"', True),
    ("$CI_COMMIT_TAG =~ $MISSING", False),
    ("$CI_COMMIT_TAG !~ $MISSING", True),
    ("$CI_COMMIT_TAG =~ $BROKEN", False),
    ("$CI_COMMIT_TAG !~ $BROKEN", False),
    # && before ||, parentheses before both
    ('$YES || $YES == "no" && $MISSING', True),
    ('($YES || $YES == "no") && $MISSING', False),
    ("$MISSING && $YES || $YES", True),
    ("($CI_COMMIT_TAG =~ /^v/ && ($MISSING || $YES))", True),
    # Ruby's truth: an empty string is true inside, and only the result must not be blank
    ("$EMPTY && $YES", True),
    ("$EMPTY || $YES", False),
    ('$EMPTY == "" || $MISSING', True),
]


@pytest.mark.parametrize(("text", "expected"), TABLE)
def test_table(text: str, expected: bool) -> None:
    assert truthful(parse(text), VARIABLES) is expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "$A ==",
        "== $A",
        "$A $B",
        "($A",
        "$A)",
        "()",
        "$A = 'x'",
        "$A == 'x",
        "A == 'x'",
        "$A =~ /a/",
        "$A =~ /ab(/",
        "$A =~ /a(?=b)/",
        "$A =~ /(a)\\1/",
        "$A =~ (1)",
        "! $A",
        " && ".join(["$A"] * MAX_TOKENS),
    ],
)
def test_no_expression(text: str) -> None:
    with pytest.raises(ExpressionError):
        parse(text)


def test_ninety_nine_tokens_are_the_most() -> None:
    assert truthful(parse(" || ".join(["$YES"] * 50)), VARIABLES)
    with pytest.raises(ExpressionError, match="Too many tokens"):
        parse("(" + " || ".join(["$YES"] * 50) + ")")


@st.composite
def _conditions(draw: st.DrawFn, depth: int = 3) -> tuple[str, bool]:
    """A condition of comparisons, and what it comes to by plain Boolean arithmetic."""
    if depth == 0 or draw(st.booleans()):
        left, right = draw(st.sampled_from("ab")), draw(st.sampled_from("ab"))
        equal = draw(st.booleans())
        return f'"{left}" {"==" if equal else "!="} "{right}"', (left == right) is equal
    (one, first), (two, second) = draw(_conditions(depth - 1)), draw(_conditions(depth - 1))
    if draw(st.booleans()):
        return f"({one}) && ({two})", first and second
    return f"({one}) || ({two})", first or second


@given(_conditions())
def test_comparisons_follow_boolean_arithmetic(condition: tuple[str, bool]) -> None:
    text, expected = condition
    assert truthful(parse(text), {}) is expected


@given(st.lists(st.sampled_from(["T", "F"]), min_size=1, max_size=12), st.data())
def test_without_parentheses_and_binds_tighter_than_or(leaves: list[str], data: st.DataObject) -> None:
    operators = [data.draw(st.sampled_from(["&&", "||"])) for _ in leaves[1:]]
    words = {"T": '"x" == "x"', "F": '"x" == "y"', "&&": "&&", "||": "||"}
    python = {"T": True, "F": False}
    flat = [leaves[0], *(part for pair in zip(operators, leaves[1:], strict=True) for part in pair)]
    expected = any(all(python[leaf] for leaf in group.split("&&")) for group in "".join(flat).split("||"))
    assert truthful(parse(" ".join(words[part] for part in flat)), {}) is expected


@given(st.text(alphabet="$AB \"'=!~&|()/null.*", max_size=30))
def test_any_text_is_an_expression_or_refused(text: str) -> None:
    try:
        tree = parse(text)
    except ExpressionError:
        return
    assert truthful(tree, {"A": "x"}) in (True, False)
