"""Properties have no deadline per example: how long one takes says more of a busy machine than of the code.

The inner loop tries thirty examples of each, `ROPEWALK_CHAOS=full` three hundred; a test that names a number means it.
"""

from hypothesis import settings

from tests.bounds import FULL

settings.register_profile("unhurried", deadline=None, max_examples=300 if FULL else 30)
settings.load_profile("unhurried")
