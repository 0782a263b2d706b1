"""Indexes: looking at them, sending them files with twine, and turning job artifacts into checked distributions.

Everything that touches foreign bytes or an index's HTTP runs in a short-lived child (`children`, `server`), so that a
hostile page or archive costs one child, never the daemon. `service.IndexAdapter` is the one thing to construct.
"""
