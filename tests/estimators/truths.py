"""Little worlds whose truth is known, to hold estimators against; and how often an interval may miss it."""

import math
from dataclasses import dataclass

import numpy as np

from bot.research.estimators.emee import emee
from bot.research.estimators.off_policy import cross_fitted, difference, dr, sndr, snips
from bot.research.estimators.resampling import bootstrap_ratio
from bot.research.estimators.sequences import bounded_path, mean_path, proportion_sequence
from bot.research.estimators.wcls import wcls


@dataclass(frozen=True)
class Coverage:
    """How many of `runs` intervals, said to hold the truth in `nominal` of them, held it; and the mean error."""

    what: str
    runs: int
    held: int
    nominal: float
    bias: float
    bias_se: float
    at_least: bool = False  # it promises no more than to hold it so often

    @property
    def rate(self) -> float:
        return self.held / self.runs

    @property
    def honest(self) -> bool:
        """Within three standard errors of what was promised, as it would be in 997 of 1000 such checks."""
        reach = 3 * math.sqrt(self.nominal * (1 - self.nominal) / self.runs) + 0.5 / self.runs
        return (self.at_least or self.rate <= self.nominal + reach) and self.rate >= self.nominal - reach


def people(n, mean, rng):
    """Ids of `n` people with different numbers of rows each, `mean` on average."""
    return np.repeat(np.arange(n), 1 + rng.poisson(mean - 1, size=n))


def binary_trial(rng, n=120, mean=12):
    """Chances that follow the past; the effect is a log relative risk of 0.3, and the controls are a wrong model."""
    who = people(n, mean, rng)
    own = rng.normal(0, 0.3, size=n)[who]
    x = rng.normal(size=who.size)
    available = rng.random(who.size) < 0.8
    p = 0.15 + 0.7 / (1 + np.exp(-1.5 * x))
    a = ((rng.random(who.size) < p) & available).astype(float)
    chance = np.exp(-1.7 + 0.5 * np.maximum(x, -0.5) + own + 0.3 * a)
    y = (rng.random(who.size) < np.minimum(chance, 1)).astype(float)
    return {"id": who, "outcome": y, "treatment": a, "rand_prob": p, "availability": available, "controls": {"x": x}}


def three_tones(rng, n=150, mean=10):
    """Three arms with floors, as Thompson sampling gives them; log relative risks 0.25 and -0.35 to the first."""
    who = people(n, mean, rng)
    own = rng.normal(0, 0.3, size=n)[who]
    x = rng.normal(size=who.size)
    p = np.exp(np.column_stack((0 * x, x, -x)))
    p = 0.1 + 0.7 * p / p.sum(axis=1, keepdims=True)
    a = (rng.random(who.size)[:, None] > np.cumsum(p, axis=1)).sum(axis=1)
    chance = np.exp(-1.5 + own + 0.15 * x + np.array([0.0, 0.25, -0.35])[a])
    y = (rng.random(who.size) < np.minimum(chance, 1)).astype(float)
    return {
        "id": who,
        "outcome": y,
        "treatment": a,
        "rand_prob": p,
        "controls": {"x": x},
        "arms": ["warm", "neighbourly"],
    }


def number_trial(rng, n=30, mean=15):
    """A reward that is a number, errors that go together within a person, an effect of 0.4, few people."""
    who = people(n, mean, rng)
    own, slope = rng.normal(0, 0.8, size=n)[who], rng.normal(0, 0.3, size=n)[who]
    x = rng.normal(size=who.size)
    p = np.clip(0.5 + 0.25 * x, 0.2, 0.8)
    a = (rng.random(who.size) < p).astype(float)
    y = np.sin(x) + x**2 + own + (0.4 + slope) * a + rng.normal(0, 1, size=who.size)
    return {"id": who, "outcome": y, "treatment": a, "rand_prob": p, "controls": {"x": x}}


def logged_choices(rng, n=250, mean=8):
    """Three arms chosen by context with floors; what choosing always the second, or evenly, would be worth is known."""
    who = people(n, mean, rng)
    x = rng.normal(size=who.size)
    p = np.exp(np.column_stack((0 * x, 1.2 * x, -0.8 * x)))
    p = 0.1 + 0.7 * p / p.sum(axis=1, keepdims=True)
    a = (rng.random(who.size)[:, None] > np.cumsum(p, axis=1)).sum(axis=1)
    own = rng.uniform(-0.06, 0.06, size=n)[who]
    means = np.clip(np.column_stack((0.15 + 0 * x, 0.20 + 0.04 * np.tanh(x), 0.12 - 0.03 * np.tanh(x))), 0, 1)
    y = (rng.random(who.size) < means[np.arange(who.size), a] + own).astype(float)
    logged = {"id": who, "action": a, "outcome": y, "rand_prob": p[np.arange(who.size), a]}
    second, even = np.eye(3)[np.ones(who.size, int)], np.full((who.size, 3), 1 / 3)
    return logged, x, second, even


SECOND, EVEN = 0.20, (0.15 + 0.20 + 0.12) / 3  # tanh of a symmetric x is nought on average


def coverage(scale: float, seed: int) -> list[Coverage]:
    """All coverages with about 200·`scale` runs each; 1.0 takes some ten seconds."""
    rng = np.random.default_rng(seed)
    many, few = round(200 * scale), round(100 * scale)
    found = []

    hits = [emee(**binary_trial(rng)).effects[0] for _ in range(many)]
    found.append(_of("EMEE, binary, log relative risk 0.3", hits, 0.3))
    fits = [emee(**three_tones(rng)) for _ in range(many)]
    found.append(_of("EMEE, three arms, first", [fit.effects[0] for fit in fits], 0.25))
    found.append(_of("EMEE, three arms, second", [fit.effects[1] for fit in fits], -0.35))
    apart = [fit.contrast({"warm": 1, "neighbourly": -1}, name="apart") for fit in fits]
    found.append(_of("EMEE, three arms, between them", apart, 0.6))
    found.append(_of("WCLS, 30 people", [wcls(**number_trial(rng)).effects[0] for _ in range(many)], 0.4))

    values, gaps, hajek, mixed, drawn = [], [], [], [], []
    for _ in range(few):
        logged, x, second, even = logged_choices(rng)
        q = cross_fitted(
            id=logged["id"], action=logged["action"], outcome=logged["outcome"], features=x, actions=3, rng=rng
        )
        values.append(dr(**logged, target=second, predictions=q))
        gaps.append(difference(values[-1], dr(**logged, target=even, predictions=q), name="gap"))
        hajek.append(snips(**logged, target=second))
        mixed.append(sndr(**logged, target=second, predictions=q))
        w = second[np.arange(len(x)), logged["action"]] / logged["rand_prob"]
        drawn.append(bootstrap_ratio(w * logged["outcome"], w, id=logged["id"], rng=rng, replicates=400))
    found += [
        _of("DR, cross-fitted", values, SECOND),
        _of("DR, difference of two ways", gaps, SECOND - EVEN),
        _of("SNIPS", hajek, SECOND),
        _of("SNDR", mixed, SECOND),
        _of("Bootstrap by citizen of SNIPS", drawn, SECOND),
    ]
    found += _sequences(rng, many)
    return found


def _of(what, intervals, truth):
    held = sum(one.lower <= truth <= one.upper for one in intervals)
    errors = np.array([one.estimate - truth for one in intervals])
    return Coverage(what, len(intervals), held, 0.95, errors.mean(), errors.std(ddof=1) / math.sqrt(len(errors)))


def _sequences(rng, runs, n=1_500, p=0.15):
    held = dict.fromkeys(("Asymptotic sequence, all looks from 200 on", "Bounded sequence, all looks",
                          "Proportion sequence, all looks"), 0)  # fmt: skip
    looks = np.unique(np.geomspace(1, n, 40).astype(int))
    errors = []
    for _ in range(runs):
        x = (rng.random(n) < p).astype(float)
        errors.append(x.mean() - p)
        before = np.concatenate(([0.5], np.cumsum(x)[:-1] / np.arange(1, n)))
        paths = mean_path(x, t_opt=400), bounded_path(x, before, low=0, high=1, v_opt=60)
        sums = np.cumsum(x).astype(int)
        bounds = [proportion_sequence(int(sums[t - 1]), int(t)) for t in looks]
        always = [not bool(((path.lower > p) | (path.upper < p)).any()) for path in paths]
        always.append(all(low <= p <= high for low, high in bounds))
        for name, yes in zip(held, always, strict=True):
            held[name] += yes
    bias, se = float(np.mean(errors)), float(np.std(errors, ddof=1)) / math.sqrt(runs)
    return [Coverage(name, runs, yes, 0.95, bias, se, at_least=True) for name, yes in held.items()]
