"""GitLab's REST API, version 4: one file per resource, each a table of routes."""
