"""Sign-in with GitLab, and what people may press once they are in."""
