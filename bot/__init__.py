"""Ropewalk: the release bot for a whole GitLab organisation."""

__version__ = "0.1.0"
