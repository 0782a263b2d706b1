"""Human durations such as `1 week`, `2h20min` or `3 mins 4 sec`."""

import re

_SECONDS = {
    "s": 1, "sec": 1, "secs": 1, "second": 1, "seconds": 1,
    "m": 60, "min": 60, "mins": 60, "minute": 60, "minutes": 60,
    "h": 3600, "hr": 3600, "hrs": 3600, "hour": 3600, "hours": 3600,
    "d": 86400, "day": 86400, "days": 86400,
    "w": 604800, "wk": 604800, "wks": 604800, "week": 604800, "weeks": 604800,
    "mo": 2592000, "mos": 2592000, "month": 2592000, "months": 2592000,
    "y": 31536000, "yr": 31536000, "yrs": 31536000, "year": 31536000, "years": 31536000,
}  # fmt: skip
_PART = re.compile(r"\s*(?:,|and)?\s*(\d+(?:\.\d+)?)\s*([a-z]*)", re.IGNORECASE)


def seconds(text: str) -> int | None:
    """Whole seconds the text means (a bare number is seconds, a month 30 days), or None if it is no duration.

    Source: GitLab reads these with ChronicDuration; `artifacts:expire_in` in its CI/CD YAML reference.
    """
    total, position = 0.0, 0
    text = text.strip()
    while position < len(text):
        match = _PART.match(text, position)
        unit = 1 if match and not match[2] else _SECONDS.get(match[2].lower()) if match else None
        if match is None or unit is None:
            return None
        total += float(match[1]) * unit
        position = match.end()
    return round(total) if text else None
