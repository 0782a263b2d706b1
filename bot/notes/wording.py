"""What a gate that does not pass means to people: what is wrong, whose turn it is, and the way out."""

from __future__ import annotations

from dataclasses import dataclass

MAINTAINER = "a maintainer of the project"
_TAGGER = "whoever set the tag"
_PACKAGER = "whoever looks after the packaging"
# Whose turn it is where no gate says so.
OPERATOR = "whoever runs this bot"
# The way out where a gate could not look.
UNSEEN_REMEDY = "Give the bot what it needs to look: the reason says what that is."


@dataclass(frozen=True, slots=True, kw_only=True)
class GateWords:
    """Words about one gate. All of it is ours, safe as it stands in Markdown.

    `problem` ends the sentence "The release is blocked: …"; `remedy` is a full sentence; `page` is the path below the
    project's URL where the remedy is applied and `page_name` what the link says. `branch_remedy` stands in for `remedy`
    where a branch is released, which has no tag to set.
    """

    title: str
    problem: str
    turn: str
    remedy: str
    page: str | None = None
    page_name: str = "Open the settings"
    branch_remedy: str | None = None


_GATES = {
    "ref_protected": GateWords(
        title="Protected ref",
        problem="its ref is not protected",
        turn=MAINTAINER,
        remedy="Protect it under Settings → Repository, so that only the right people can set it.",
        page="/-/settings/repository",
    ),
    "tag_reachable": GateWords(
        title="Tag on a protected branch",
        problem="the tagged commit is on no protected branch",
        turn=_TAGGER,
        remedy="Merge the commit into a protected branch, or tag a commit that is on one.",
        page="/-/tags",
        page_name="Open the tags",
    ),
    "tag_unmoved": GateWords(
        title="Tag unmoved",
        problem="the tag no longer points to the commit it was released from",
        turn="whoever moved the tag",
        remedy="Set a new tag for the new commit; a version is published once.",
        branch_remedy="Merge the change again, with a version that is not published yet.",
        page="/-/tags",
        page_name="Open the tags",
    ),
    "version_matches": GateWords(
        title="Version",
        problem="tag, metadata and file names do not agree on the version",
        turn=_TAGGER,
        remedy="Make the project's metadata say the version of the tag, then set a new tag; it is released by itself.",
        branch_remedy="Make metadata and file names say one version and merge that; it is released by itself.",
        page="/-/tags",
        page_name="Open the tags",
    ),
    "name_allowed": GateWords(
        title="Distribution name",
        problem="this project may not publish under that name",
        turn=OPERATOR,
        remedy="Allow the name in the release policy, or correct it in the project's metadata.",
    ),
    "hygiene": GateWords(
        title="Variable hygiene",
        problem="a publishing credential is not kept as it must be",
        turn=MAINTAINER,
        remedy="Under Settings → CI/CD → Variables make the variable both *masked* and *protected*, and replace its "
        "value if it may have been seen.",
        page="/-/settings/ci_cd",
    ),
    "freeze": GateWords(
        title="Freeze",
        problem="releases are frozen",
        turn=OPERATOR,
        remedy="It goes on when the freeze ends.",
    ),
    "hold": GateWords(
        title="Hold",
        problem="somebody put it on hold",
        turn="whoever put it on hold",
        remedy="It goes on when the hold is lifted.",
    ),
    "approval": GateWords(
        title="Approval",
        problem="it needs an approval",
        turn="somebody who may approve releases and did not write this change",
        remedy="Approve it with the command below.",
    ),
    "pipeline_green": GateWords(
        title="Pipeline",
        problem="its pipeline is not green",
        turn="whoever looks after the pipeline",
        remedy="Mend the pipeline and run it again on the same ref.",
        page="/-/pipelines",
        page_name="Open the pipelines",
    ),
    "twine_check": GateWords(
        title="Package check",
        problem="a file does not pass the package check",
        turn=_PACKAGER,
        remedy="Correct the packaging, raise the version and set a new tag; it is released by itself.",
        branch_remedy="Correct the packaging, raise the version and merge that; it is released by itself.",
    ),
    "expected_files": GateWords(
        title="Expected files",
        problem="it is not the set of files that the policy expects",
        turn=_PACKAGER,
        remedy="Run the job that is missing, where the reason names one, and resume; or mend the jobs that build and "
        "set a new tag, which is released by itself.",
        branch_remedy="Run the job that is missing, where the reason names one, and resume; or mend the jobs that "
        "build and merge that, which is released by itself.",
    ),
    "left_out": GateWords(
        title="Files left out",
        problem="what looks like a distribution is none that an index takes",
        turn=_PACKAGER,
        remedy="The reason says what is left out and what makes a distribution of it.",
    ),
    "changes": GateWords(
        title="Changes",
        problem="it changes what needs a person's yes",
        turn=OPERATOR,
        remedy="Compare the files; if all that is meant, accept it with the command that the reason ends with.",
    ),
    "index_guard": GateWords(
        title="Index guard",
        problem="a file of that name with other content already stands on an index",
        turn=_PACKAGER,
        remedy="Raise the version and set a new tag; what stands on an index is never overwritten.",
        branch_remedy="Raise the version and merge that; what stands on an index is never overwritten.",
    ),
}


def words_for(gate: str) -> GateWords:
    """The words for a gate of CONTRACT.md §4; plain ones for a gate that has none yet."""
    return _GATES.get(
        gate,
        GateWords(
            title="Gate",
            problem="a condition for releasing is not met",
            turn=MAINTAINER,
            remedy="The reason says what is missing.",
        ),
    )
