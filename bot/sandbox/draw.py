"""Which of many matching things a fault hits: the n-th, some by chance, so many times. The same seed hits the same."""

import random
from dataclasses import dataclass, field


@dataclass(slots=True, kw_only=True, eq=False)
class Draw:
    """Of what is asked about, `skip` pass first; then each `every`-th may be hit, with `probability`.

    `times` are hit at most (None: no end).
    """

    times: int | None = 1
    skip: int = 0
    every: int = 1
    probability: float = 1.0
    seed: int = 0
    seen: int = 0
    hits: int = 0
    _dice: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._dice = random.Random(self.seed)

    def hit(self) -> bool:
        """Whether the next one is hit; counts it."""
        if self.times == 0:
            return False
        self.seen += 1
        after = self.seen - self.skip
        if after <= 0 or after % self.every or self._dice.random() >= self.probability:
            return False
        if self.times is not None:
            self.times -= 1
        self.hits += 1
        return True
