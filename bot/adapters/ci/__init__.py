"""Reads `.gitlab-ci.yml` into frozen facts, in a child process and within bounds; nothing of it is ever run."""
