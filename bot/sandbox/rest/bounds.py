"""How long and how empty texts may be, in the words of GitLab's models.

Source: app/models/concerns/issuable.rb, app/validators/bytesize_validator.rb.
"""

from bot.sandbox.answers import RefusalError, message

TITLE_LIMIT = 255
SIZE_LIMIT_BYTES = 1_048_576
"""Setting `description_and_note_max_size`."""
_UNITS = ("B", "KiB", "MiB", "GiB")


def human_size(count: int) -> str:
    """Bytes as Rails prints them: three significant digits, no zeros at the end."""
    size, unit = float(count), 0
    while size >= 1024 and unit < len(_UNITS) - 1:
        size, unit = size / 1024, unit + 1
    return f"{float(f'{size:.3g}'):g} {_UNITS[unit]}"


def oversize(text: str) -> str | None:
    """What is wrong with a description or note that is too long; None for one that is not."""
    size = len(text.encode())
    if size <= SIZE_LIMIT_BYTES:
        return None
    return f"is too long ({human_size(size)}). The maximum size is {human_size(SIZE_LIMIT_BYTES)}."


def check_texts(title: str | None, description: str | None) -> None:
    """Look at what was sent of an issue or merge request. Raises: RefusalError (400)."""
    errors: dict[str, list[str]] = {}
    if title is not None and not title.strip():
        errors["title"] = ["can't be blank"]
    elif title is not None and len(title) > TITLE_LIMIT:
        errors["title"] = [f"is too long (maximum is {TITLE_LIMIT} characters)"]
    found = oversize(description or "")
    if found:
        errors["description"] = [found]
    if errors:
        raise refused(errors)


def refused(errors: dict[str, list[str]]) -> RefusalError:
    """400 with the model's errors by field."""
    return message(400, dict(errors))
