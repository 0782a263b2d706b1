"""The values of a configuration: what a text must look like, and what it becomes.

What depends on other keys, on files or on the environment is checked where it is used; this is what the JSON Schema
can say too.
"""

from __future__ import annotations

import itertools
import re
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Literal

from packaging.utils import canonicalize_name, is_normalized_name
from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema

_DURATION = re.compile(
    r"(?:(?P<days>[0-9]{1,5})d)?(?:(?P<hours>[0-9]{1,6})h)?(?:(?P<minutes>[0-9]{1,7})m)?(?:(?P<seconds>[0-9]{1,9})s)?"
)
_UNITS = {"MiB": 1024**2, "GiB": 1024**3}
_DURATION_SCHEMA = r"^(?=.)([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?$"
SHORTEST_POLL = timedelta(seconds=1)
LEAST_BUILD_TIME, MOST_BUILD_TIME = timedelta(seconds=10), timedelta(hours=2)
LEAST_BUILD_SIZE = 128 * 1024**2  # bytes; an environment with a backend alone takes a third of it


def parse_duration(value: object) -> timedelta:
    """`90s`, `15m`, `1h30m`, `2d` as a time span.

    Raises: ValueError with a sentence for anything else, a bare number included: it has no unit.
    """
    found = _DURATION.fullmatch(value) if isinstance(value, str) and value else None
    if found is None:
        raise ValueError("must be a duration: numbers with units, for example `60s`, `15m`, `1h30m` or `2d`")
    return timedelta(**{unit: int(digits) for unit, digits in found.groupdict().items() if digits is not None})


def spell_duration(value: timedelta) -> str:
    """As the configuration has it: `1h30m`; `0s` for none."""
    rest, text = int(value.total_seconds()), ""
    for seconds, unit in ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")):
        count, rest = divmod(rest, seconds)
        text += f"{count}{unit}" if count else ""
    return text or "0s"


def spell_size(value: int) -> str:
    """As the configuration has it: `2GiB`, `512MiB`."""
    unit = "MiB" if value % _UNITS["GiB"] else "GiB"
    return f"{value // _UNITS[unit]}{unit}"


def parse_size(value: object) -> int:
    """`512MiB`, `2GiB` in bytes.

    Raises: ValueError with a sentence for anything else, a bare number included: it has no unit.
    """
    found = re.fullmatch(r"([1-9][0-9]{0,5})(MiB|GiB)", value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("must be a size: a number with its unit, for example `512MiB` or `2GiB`")
    return int(found[1]) * _UNITS[found[2]]


def _poll(value: timedelta) -> timedelta:
    if value < SHORTEST_POLL:
        raise ValueError("must be at least `1s`; `60s` is a good value")
    return value


def _build_time(value: timedelta) -> timedelta:
    if not LEAST_BUILD_TIME <= value <= MOST_BUILD_TIME:
        raise ValueError("must be between `10s` and `2h`; `10m` is a good value")
    return value


def _build_size(value: int) -> int:
    if value < LEAST_BUILD_SIZE:
        raise ValueError("must be at least `128MiB`; `2GiB` is a good value")
    return value


def parse_since(value: object) -> Literal["now", "all"] | datetime:
    """`now`, `all` or an ISO 8601 time; a time without offset is UTC.

    Raises: ValueError with a sentence for anything else.
    """
    if value == "now":
        return "now"
    if value == "all":
        return "all"
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None:
        raise ValueError("must be `now`, `all` or an ISO time, for example `2026-01-31T12:00:00Z`")
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def parse_input(value: object) -> str | int | bool | list[str]:
    """What an input of a pipeline may be.

    Raises: ValueError with a sentence for anything else.
    """
    if isinstance(value, str | int):
        return value
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return value
    raise ValueError("must be a text, a whole number, true or false, or a list of texts")


def _text(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be empty")
    if not value.isprintable():
        raise ValueError("must not hold control characters or line breaks")
    return value


def _path_pattern(value: str) -> str:
    if "://" in value or value != value.strip():
        raise ValueError("must be a path such as `acme/tools`, not a URL")
    return value.strip("/")


def _group_path(value: str) -> str:
    path = _path_pattern(value)
    if "*" not in path or path == "**":
        return path
    plain = "/".join(itertools.takewhile(lambda part: "*" not in part, path.split("/")))
    miss = f". Did you mean `{plain}`?" if plain else ""
    raise ValueError(f"must be full paths of groups (their subgroups are included) or `**`{miss}")


def _plain_path(value: str) -> str:
    path = _path_pattern(value)
    if "*" in path:
        raise ValueError("must be one path, not a pattern")
    return path


def _variable(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value):
        raise ValueError("must be the name of an environment variable, not a value")
    return value


def _rule(value: str) -> str:
    if not re.fullmatch(r"RW[0-9]{0,3}", value):
        raise ValueError("must be a rule's id such as `RW101`, or the beginning of ids such as `RW1`")
    return value


def parse_day(value: object) -> date:
    """`2027-01-31` as a day.

    Raises: ValueError with a sentence for anything else.
    """
    try:
        if isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
            return date.fromisoformat(value)
    except ValueError:  # a 31st of February
        pass
    raise ValueError("must be a day, for example `2027-01-31`")


def _distribution(value: str) -> str:
    if not is_normalized_name(canonicalize_name(value)) or not re.fullmatch(r"[A-Za-z0-9._-]+", value):
        raise ValueError("must be the name of a distribution, for example `acme-widget`")
    return value


def _cron(value: str) -> str:
    if not re.fullmatch(r"[\w*/,\-]+(?: +[\w*/,\-]+){4}", value):
        raise ValueError('must be a cron line of five fields, for example "0 6 * * 1-5"')
    return value


Text = Annotated[str, AfterValidator(_text)]
PathPattern = Annotated[Text, AfterValidator(_path_pattern)]
GroupPath = Annotated[Text, AfterValidator(_group_path)]
PlainPath = Annotated[Text, AfterValidator(_plain_path)]
Variable = Annotated[Text, AfterValidator(_variable)]
Distribution = Annotated[Text, AfterValidator(_distribution)]
Cron = Annotated[Text, AfterValidator(_cron)]
RuleName = Annotated[Text, AfterValidator(_rule)]
Day = Annotated[date, BeforeValidator(parse_day)]
Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(spell_duration),
    WithJsonSchema({"type": "string", "pattern": _DURATION_SCHEMA}),
]
Size = Annotated[
    int,
    BeforeValidator(parse_size),
    PlainSerializer(spell_size),
    WithJsonSchema({"type": "string", "pattern": "^[1-9][0-9]{0,5}(MiB|GiB)$"}),
]
BuildTime = Annotated[Duration, AfterValidator(_build_time)]
BuildSize = Annotated[Size, AfterValidator(_build_size)]
Poll = Annotated[Duration, AfterValidator(_poll)]
Since = Annotated[
    Literal["now", "all"] | datetime,
    BeforeValidator(parse_since),
    WithJsonSchema(
        {"type": "string", "anyOf": [{"enum": ["now", "all"]}, {"format": "date-time"}, {"format": "date"}]}
    ),
]
Input = Annotated[
    str | int | bool | list[str],
    BeforeValidator(parse_input),
    WithJsonSchema({"type": ["string", "integer", "boolean", "array"], "items": {"type": "string"}}),
]
Port = Annotated[int, Field(ge=1, le=65535)]
