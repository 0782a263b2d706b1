"""The web face: a few pages at GitLab's own URLs, so that people see what the bot wrote."""
