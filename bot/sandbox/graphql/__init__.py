"""GitLab's GraphQL API, the part that reads projects, variables and files."""
