"""Real git beneath the embedded GitLab: bare repositories on disk, served over HTTP by git's own backend."""
