"""Properties have no deadline per example: how long one takes says more of a busy machine than of the code."""

from hypothesis import settings

settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
