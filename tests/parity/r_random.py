"""R's own random numbers, so that a data set which R made from a seed can be made again without R.

Mersenne Twister as `set.seed` starts it (R 4, RNG.c), and `rbinom(n, 1, p)` by inversion (rbinom.c).
"""

import numpy as np


class R:
    def __init__(self, seed: int) -> None:
        self._bits = np.random.MT19937()
        for _ in range(50):
            seed = self._next(seed)
        key = []
        for _ in range(625):
            seed = self._next(seed)
            key.append(seed)
        state = self._bits.state
        # R counts the place in the state among its 625 words, and begins with a fresh turn.
        state["state"] = {"key": np.array(key[1:], dtype=np.uint32), "pos": 624}
        self._bits.state = state

    @staticmethod
    def _next(seed: int) -> int:
        return (69069 * seed + 1) % 2**32

    def runif(self, n: int) -> np.ndarray:
        return self._bits.random_raw(n) * 2.3283064365386963e-10

    def rbinom1(self, p: np.ndarray) -> np.ndarray:
        """One trial for each probability; R draws for the smaller of p and 1 − p and turns it round."""
        hit = self.runif(len(p)) >= 1 - np.minimum(p, 1 - p)
        return np.where(p > 0.5, ~hit, hit).astype(float)
