"""What exists in the embedded GitLab, in memory: people, groups, projects and what hangs on them."""

from bot.sandbox.world.world import World

__all__ = ["World"]
