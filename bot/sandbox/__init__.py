"""The embedded GitLab: one process that answers GitLab's REST, GraphQL, git and registry traffic on loopback.

It imports nothing of the rest of the bot: it speaks HTTP like the real thing.
"""
