"""GitLab's wildcards: `*` stands for any run of characters, `/` included; nothing else is special; case matters.

Source: app/models/ref_matcher.rb, app/models/concerns/has_environment_scope.rb.
"""

from __future__ import annotations

from collections.abc import Iterable

# No ref, pattern or environment can hold it, so only a `*` can match it.
_ANYTHING = "\0"


def matches(pattern: str, text: str) -> bool:
    """Whether a pattern covers a name. Looks each part up once, so that no pattern can take long."""
    if "*" not in pattern:
        return pattern == text
    first, *middle, last = pattern.split("*")
    if len(first) + len(last) > len(text) or not (text.startswith(first) and text.endswith(last)):
        return False
    place, end = len(first), len(text) - len(last)
    for part in middle:
        found = text.find(part, place, end)
        if found < 0:
            return False
        place = found + len(part)
    return True


def includes(wide: str, narrow: str) -> bool:
    """Whether everything that `narrow` covers is covered by `wide`."""
    return matches(wide, narrow.replace("*", _ANYTHING))


def included(patterns: Iterable[str], narrow: str) -> bool:
    """Whether one of the patterns covers all of `narrow`; a cover pieced together from several does not count."""
    return any(includes(wide, narrow) for wide in patterns)


def overlaps(one: str, other: str) -> bool:
    """Whether some name may be covered by both. Sure only of no: parts between stars are not compared."""
    if "*" not in one:
        return matches(other, one)
    if "*" not in other:
        return matches(one, other)
    heads = (one.partition("*")[0], other.partition("*")[0])
    tails = (one.rpartition("*")[2], other.rpartition("*")[2])
    short, long = sorted(heads, key=len)
    end, longer = sorted(tails, key=len)
    return long.startswith(short) and longer.endswith(end)
