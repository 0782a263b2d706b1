"""Path patterns as GitLab's runner reads them: `*` stays within a folder, `**` crosses folders."""

import re
from functools import lru_cache


def _choice(body: str) -> str:
    """`[abc]`, `[^a]`, `[a-z]`; a range that runs backwards names no character, so nothing matches."""
    body = body.replace("\\", "\\\\")
    text = "[" + ("^" + body[1:] if body[0] in "!^" else body) + "]"
    try:
        re.compile(text)
    except re.error:
        return "(?!)"
    return text


@lru_cache(maxsize=512)
def compile_glob(pattern: str) -> re.Pattern[str]:
    """A regular expression for whole `/`-separated relative paths. `{a,b}`, `[abc]`, `[^a]` and `?` work too."""
    out: list[str] = []
    position, braces = 0, 0
    while position < len(pattern):
        char = pattern[position]
        if pattern.startswith("**/", position):
            out.append("(?:[^/]+/)*")
            position += 3
            continue
        if pattern.startswith("**", position):
            out.append(".*")
            position += 2
            continue
        end = pattern.find("]", position + 2) if char == "[" else -1
        if char == "[" and end > 0:
            out.append(_choice(pattern[position + 1 : end]))
            position = end
        elif char == "{" and "}" in pattern[position:]:
            braces += 1
            out.append("(?:")
        elif char == "}" and braces:
            braces -= 1
            out.append(")")
        elif char == "," and braces:
            out.append("|")
        else:
            out.append({"*": "[^/]*", "?": "[^/]"}.get(char) or re.escape(char))
        position += 1
    return re.compile("".join(out) + ")" * braces, re.DOTALL)


def covers(pattern: str, path: str) -> bool:
    """Whether the pattern names the file or one of the folders above it."""
    regex = compile_glob(pattern)
    parts = path.split("/")
    return any(regex.fullmatch("/".join(parts[:length])) for length in range(len(parts), 0, -1))
