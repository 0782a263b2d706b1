"""The changelog: a section as text, or committed to a file. Source: lib/api/repositories.rb."""

from datetime import datetime

from bot.sandbox import changelog
from bot.sandbox.answers import Answer, RefusalError, forbidden, invalid, message
from bot.sandbox.changelog import ChangelogError, Config, Entry
from bot.sandbox.git.repository import Commit
from bot.sandbox.rest.call import Call, ok
from bot.sandbox.rest.commits import shipped_in
from bot.sandbox.rest.files import check_file_path
from bot.sandbox.rest.projects import moment
from bot.sandbox.rest.routing import Routes
from bot.sandbox.world import access
from bot.sandbox.world.places import Project

ROUTES = Routes()


def _refused(error: ChangelogError) -> RefusalError:
    return message(422, f"Failed to generate the changelog: {error}")


def _config(call: Call, project: Project) -> Config:
    head = project.git.resolve(project.default_branch)
    found = project.git.blob(head, call.params.text("config_file") or changelog.CONFIG_PATH) if head else None
    return changelog.read_config(found[1].decode(errors="replace") if found else None)


def _commits(call: Call, project: Project, config: Config, version: str, branch: str) -> list[Commit]:
    """From the previous version's tag (or `from`) to `to`, newest first. Raises: ChangelogError."""
    start = call.params.text("from")
    if start is None:
        start = changelog.previous_tag(version, [tag.name for tag in project.git.tags()], config.tag_regex)
        if start is None:
            raise ChangelogError(
                "The commit start range is unspecified, and no previous tag could be found to use instead"
            )
    ends = [project.git.resolve(name) for name in (start, call.params.text("to") or branch)]
    if None in ends:
        raise ChangelogError("Invalid or not found commit value in the given range")
    return project.git.log("..".join(end for end in ends if end))


def _entry(call: Call, project: Project, commit: Commit, category: str) -> Entry:
    """The oldest merge request that has the commit; an author who is no member of the project is credited."""
    requests = [one for one in project.merge_requests.values() if shipped_in(one, commit.id)]
    users = list(call.world.users.values())
    author = next((user for user in users if user.email == commit.author_email), None)
    foreign = author is not None and not access.is_member(author, project)
    return Entry(
        commit=commit,
        category=category,
        request=f"{project.full_path}!{requests[0].iid}" if requests else None,
        credit=f"@{author.username}" if author is not None and foreign else None,
    )


def _section(call: Call, project: Project, version: str, branch: str) -> str:
    """Raises: RefusalError (422)."""
    try:
        config = _config(call, project)
        commits = _commits(call, project, config, version, branch)
        chosen = changelog.chosen(commits, call.params.text("trailer") or "Changelog")
    except ChangelogError as error:
        raise _refused(error) from None
    entries = [_entry(call, project, commit, category) for commit, category in chosen]
    date: datetime = moment(call, "date") or call.world.clock.now()
    return changelog.section(version, date, config, entries, project.full_path)


def _version(call: Call) -> str:
    version = call.params.needed("version")
    if not changelog.VERSION.search(version):
        raise invalid("version is invalid")
    return version


@ROUTES.get("/projects/:id/repository/changelog", job_token=True)
def get_changelog(call: Call) -> Answer:
    """The section of a version, as `notes`."""
    version, project = _version(call), call.project(code=True)
    return ok({"notes": _section(call, project, version, project.default_branch)})


@ROUTES.post("/projects/:id/repository/changelog")
def commit_changelog(call: Call) -> Answer:
    """The section put into a file of `branch`; 200. A version that is there already changes nothing."""
    version, project = _version(call), call.project(code=True)
    params, user = call.params, call.user()
    branch = params.text("branch") or project.default_branch
    if not access.can_push_branch(user, project, branch):
        raise forbidden("You are not allowed to commit a changelog on this branch")
    added, path = _section(call, project, version, branch), params.text("file") or "CHANGELOG.md"
    head = project.git.branch(branch)
    if head is None:
        raise _refused(ChangelogError("You can only create or edit files when you are on a branch"))
    check_file_path(path)
    known = project.git.blob(head.commit, path)
    text = changelog.inserted(known[1].decode(errors="replace") if known else "", version, added)
    if text is not None:
        subject = params.text("message") or f"Add changelog for version {version}"
        call.world.commit(project, branch, subject, {path: text}, user)
    return Answer(content=b"200")
