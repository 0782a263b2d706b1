"""What holds for one project: the organisation's rule, tightened by the layers that cover the project."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import replace

from bot.domain.layers import OWN_FILE, OwnFile, PolicyLayers, PolicyText, ProjectFiles
from bot.domain.policy import Policy, ReleaseRule
from bot.domain.refs import Project
from bot.domain.tightening import Effective, effective
from bot.log import get
from bot.ports.policy_files import Age, PolicyFiles
from bot.settings.layers import read_own_file

MOST_KEPT = 2_000  # files that were read; most projects have none

log = get("policy")


class Layering:
    """Puts the layers together. A file is read once for each of its blobs, and its faults are logged once."""

    def __init__(self, policy: Policy, files: PolicyFiles) -> None:
        self._policy = policy
        self._files = files
        self._read: OrderedDict[tuple[int, str, str], OwnFile] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def layers(self) -> PolicyLayers:
        """Those of the organisation."""
        return self._policy.layers

    def effective(self, project: Project, rule: ReleaseRule, age: Age) -> Effective:
        """What a rule comes to for a project.

        The project's own file may have been read as long ago as `age` says. Raises: TransientError, RefusedError.
        """
        layers = self.layers
        own = None if layers.files is ProjectFiles.IGNORE else self._own(project, self._files.of(project, age))
        return effective(
            rule,
            self._policy.hygiene,
            layers.of(project.full_path),
            own,
            freezes=self._policy.freezes,
            strict=layers.files is ProjectFiles.BLOCK,
        )

    def _own(self, project: Project, text: PolicyText) -> OwnFile | None:
        if text.content is None and not text.fault:
            return None
        words = f"{OWN_FILE} of {project.full_path}" + (f" at {text.sha[:8]}" if text.sha else "")
        key = (project.id, project.full_path, text.blob or text.fault)
        with self._lock:
            if key in self._read:
                self._read.move_to_end(key)
                return replace(self._read[key], words=words)
        if text.content is None:
            found = OwnFile(faults=(text.fault,), words=words)
        else:
            found = replace(read_own_file(text.content, project.full_path, self.layers), words=words)
        for fault in found.faults:
            log.warning("policy.fault", project=project.full_path, reason=fault)
        with self._lock:
            self._read[key] = found
            if len(self._read) > MOST_KEPT:
                self._read.popitem(last=False)
        return found
