"""Archives of a commit's tree, as git-archive makes them.

Source: lib/api/repositories.rb; Gitlab::Git::Repository#archive_prefix; Gitlab::PathRegex.archive_formats_regex.
"""

import bz2

from bot.sandbox.answers import Answer, not_found
from bot.sandbox.git.run import GitError
from bot.sandbox.rest.call import Call
from bot.sandbox.rest.routing import Handler, Routes

ROUTES = Routes()

# What may follow `archive` in the path -> the file's extension and media type.
_FORMATS = {
    "tar.gz": ("tar.gz", "application/gzip"),
    "tgz": ("tar.gz", "application/gzip"),
    "gz": ("tar.gz", "application/gzip"),
    "tar.bz2": ("tar.bz2", "application/x-bzip2"),
    "tbz": ("tar.bz2", "application/x-bzip2"),
    "tbz2": ("tar.bz2", "application/x-bzip2"),
    "tb2": ("tar.bz2", "application/x-bzip2"),
    "bz2": ("tar.bz2", "application/x-bzip2"),
    "tar": ("tar", "application/x-tar"),
    "zip": ("zip", "application/zip"),
}


def _archive(call: Call, format_: str) -> Answer:
    """The tree at `sha` (default branch when absent), of a folder with `path`; whatever is missing is a 404."""
    project, params = call.project(code=True), call.params
    ref = params.text("sha") or project.default_branch
    commit = project.git.resolve(ref)
    if commit is None:
        raise not_found("File")
    path = (params.text("path") or "").strip("/")
    prefix = "-".join([project.path, ref.replace("/", "-"), commit, *([path.replace("/", "-")] if path else [])])
    extension, media_type = _FORMATS[format_]
    made = {"tar.bz2": "tar"}.get(extension, extension)
    try:
        data = project.git.run(
            "archive", f"--format={made}", f"--prefix={prefix}/", commit, *(["--", path] if path else [])
        )
    except GitError:
        raise not_found("File") from None
    if extension == "tar.bz2":
        data = bz2.compress(data)
    headers = {"Content-Disposition": f'attachment; filename="{prefix}.{extension}"'}
    return Answer(content=data, media_type=media_type, headers=headers)


def _of(format_: str) -> Handler:
    def handler(call: Call) -> Answer:
        return _archive(call, format_)

    return handler


ROUTES.get("/projects/:id/repository/archive")(_of("tar.gz"))
for _format in _FORMATS:
    ROUTES.get(f"/projects/:id/repository/archive.{_format}")(_of(_format))
