"""Pipelines of the embedded GitLab: reads `.gitlab-ci.yml` and really runs its jobs as child processes."""
