"""The cases of learning.md section 4 that can be computed, each published number beside ours."""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from scipy import stats
from scipy.optimize import minimize
from scipy.special import betainc, betaln, xlog1py, xlogy

from bot.research.estimators.emee import emee
from bot.research.estimators.off_policy import dr, ips
from bot.research.estimators.resampling import bootstrap_ratio
from bot.research.estimators.sequences import bounded_path, gamma_exponential_log_mixture, mean_sequence
from bot.research.estimators.wcls import wcls
from tests.parity.r_random import R
from tests.parity.sources import Archive


@dataclass(frozen=True)
class Line:
    """`within`: half a unit of the last printed digit, or as far as another random stream may be off."""

    case: str
    what: str
    published: float
    ours: float
    within: float

    @property
    def equal(self) -> bool:
        return abs(self.ours - self.published) <= self.within


def lines(case: str, of: str, published: dict[str, str], ours: dict[str, float]) -> Iterator[Line]:
    """Published numbers as they are printed, so that the printing says how exact they are."""
    for name, printed in published.items():
        mantissa, _, exponent = printed.partition("e")
        digits = len(mantissa.partition(".")[2])
        within = 0.5000001 * 10.0 ** (int(exponent or 0) - digits)
        yield Line(case, f"{of} {name}", float(printed), ours[name], within)


def heartsteps(path: Path) -> Iterator[Line]:
    """4.1. The vignette's fits use a numerator of 0.5, the R package's default; its test one of 0.6."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    column = {name: np.array([float(row[name]) for row in rows]) for name in rows[0]}
    given = {
        "id": column["userid"], "outcome": column["logstep_30min"], "treatment": column["intervention"],
        "rand_prob": column["rand_prob"], "availability": column["avail"],
    }  # fmt: skip
    before = {"logstep_pre30min": column["logstep_pre30min"]}
    more = before | {name: column[name] for name in ("logstep_30min_lag1", "is_at_home_or_work")}
    [one] = wcls(**given, controls=before, numerator=0.5).effects
    yield from lines(
        "4.1", "WCLS fit1",
        {"estimate": "0.157", "lower": "0.031", "upper": "0.284", "se": "0.0622", "F": "6.4", "p": "0.0162",
         "df": "34"},
        _told(one) | {"F": (one.estimate / one.se) ** 2},
    )  # fmt: skip
    [two] = wcls(**given, controls=more, numerator=0.5).effects
    yield from lines("4.1", "WCLS fit2", {"estimate": "0.159", "lower": "0.0351", "upper": "0.283", "se": "0.0607",
                                          "p": "0.0135"}, _told(two))  # fmt: skip
    home = {"home": column["is_at_home_or_work"]}
    fit = wcls(**given, controls=more, moderators=home, numerator=0.5)
    yield from lines("4.1", "WCLS fit3 away", {"estimate": "0.109", "se": "0.0677"}, _told(fit.effects[0]))
    yield from lines("4.1", "WCLS fit3 home", {"estimate": "0.135", "se": "0.1475"}, _told(fit.effects[1]))
    # The vignette's prose was not written anew when the default changed from the trial's own 0.6.
    prose = wcls(**given, controls=more, moderators=home, numerator=0.6).effects
    for place, published in enumerate((("-0.029", "0.247", "0.117"), ("-0.166", "0.435", "0.368"))):
        printed = dict(zip(("lower", "upper", "p"), published, strict=True))
        yield from lines("4.1", f"WCLS fit3 prose {place}", printed, _told(prose[place]))
    # The R package counts the weights of a combination as degrees of freedom, and divides where Hotelling multiplies:
    # its interval is too narrow. Made again here only.
    both = fit.contrast({"treatment": 1, "treatment:home": 1}, name="both")
    adj = 2 * (2 + both.df - 1) / both.df
    reach = both.se * np.sqrt(stats.f.ppf(0.95, 2, both.df) / adj)
    theirs = {
        "estimate": both.estimate, "lower": both.estimate - reach, "upper": both.estimate + reach,
        "p": float(stats.f.sf((both.estimate / both.se) ** 2 * adj, 2, both.df)),
    }  # fmt: skip
    yield from lines("4.1", "WCLS fit3 sum, by the package's df",
                     {"estimate": "0.244", "lower": "0.085", "upper": "0.403", "p": "0.002"}, theirs)  # fmt: skip
    test = wcls(**given, controls=before, numerator=0.6)
    named = dict(zip(("intercept", "control", "effect"), (*test.controls, *test.effects), strict=True))
    yield from lines("4.1", "WCLS test", {"intercept": "2.0115176", "control": "0.3395683", "effect": "0.1574444"},
                     {name: one.estimate for name, one in named.items()})  # fmt: skip


def binary() -> Iterator[Line]:
    """4.2. The package made its data from seed 123 by a recipe that it publishes; made again here, with R's numbers."""
    column = binary_trial()
    given = {
        "id": column["userid"], "outcome": column["Y"], "treatment": column["A"], "rand_prob": column["rand_prob"],
        "availability": column["avail"], "controls": {name: column[name] for name in ("time_var1", "time_var2")},
        "numerator": 0.5,
    }  # fmt: skip
    [four] = emee(**given).effects
    yield from lines("4.2", "EMEE fit4", {"estimate": "0.341", "lower": "0.241", "upper": "0.44", "se": "0.05",
                                          "t": "6.81", "df": "96", "p": "8.54e-10"}, _told(four))  # fmt: skip
    moderated = given | {"moderators": {"time_var1": column["time_var1"]}}
    fit, plain = emee(**moderated), emee(**moderated, corrected=False)
    names = ("alpha0", "alpha1", "alpha2", "beta0", "beta1")
    for of, published, ours in (
        ("estimate", ("-1.4542369", "0.4565905", "0.2479836", "0.08114495", "0.42931332"), [
            one.estimate for one in (*fit.controls, *fit.effects)]),
        ("se", ("0.09699208", "0.24074140", "0.11167475", "0.1301265", "0.1882975"), [
            one.se for one in (*plain.controls, *plain.effects)]),
        ("se adjusted", ("0.09813404", "0.24373700", "0.11301692", "0.1316436", "0.1905454"), [
            one.se for one in (*fit.controls, *fit.effects)]),
    ):  # fmt: skip
        yield from lines("4.2", f"EMEE test {of}", dict(zip(names, published, strict=True)),
                         dict(zip(names, ours, strict=True)))  # fmt: skip
    for place, bounds in enumerate((("-0.1802007", "0.3424906"), ("0.0510328", "0.8075939"))):
        told = _told(fit.effects[place])
        yield from lines("4.2", f"EMEE test interval {place}", dict(zip(("lower", "upper"), bounds, strict=True)), told)


def binary_trial(people: int = 100, times: int = 30) -> dict[str, np.ndarray]:
    r = R(123)
    found: dict[str, list[np.ndarray]] = {}
    for t in range(1, times + 1):
        early, late = t / times, float(t > times / 2)
        available = r.rbinom1(np.full(people, 0.8))
        p = np.full(people, (0.7, 0.3, 0.5)[t % 3])
        treated = r.rbinom1(p) * available
        chance = np.exp(-1.5 + 0.5 * early + 0.3 * late) * np.exp(treated * (0.1 + 0.3 * early))
        row = {
            "userid": np.arange(people), "time_var1": np.full(people, early), "time_var2": np.full(people, late),
            "Y": r.rbinom1(chance), "A": treated, "rand_prob": p, "avail": available,
        }  # fmt: skip
        for name, values in row.items():
            found.setdefault(name, []).append(values)
    return {name: np.concatenate(values) for name, values in found.items()}


def golden(y: np.ndarray, treatment: np.ndarray) -> dict[str, np.ndarray]:
    """4.5. What confseq's own demo makes of the 1,000 rows: a treatment effect with a propensity of 0.5."""
    before = {}
    for arm in (1, 0):
        chosen = treatment == arm
        means = np.cumsum(y * chosen) / np.maximum(1, np.cumsum(chosen))
        before[arm] = np.concatenate(([0.5], means[:-1]))
    effect = before[1] - before[0]
    increments = effect + (treatment - 0.5) / 0.25 * (y - np.where(treatment == 1, before[1], before[0]))
    v_opt = 50 * 0.2 * 0.8 * 4
    path = bounded_path(increments, effect, low=-2, high=2, v_opt=v_opt)
    spread = np.cumsum((increments - effect) ** 2)
    mixture = gamma_exponential_log_mixture(np.cumsum(increments), spread, v_opt=v_opt, c=4, alpha_opt=0.025)
    return {
        "point_estimate": path.estimate,
        "upper_confidence_bound": np.minimum(path.upper, 1),
        "lower_confidence_bound": np.maximum(path.lower, -1),
        "p_value": np.minimum(1, np.exp(-mixture)),
        "increments": increments,
    }


def confseq(archive: Archive) -> Iterator[Line]:
    rows = archive.table("demo/ate_data.csv")
    column = {name: np.array([float(row[name]) for row in rows]) for name in rows[0]}
    ours = golden(column["y"], column["treatment"])
    for name, within in (("point_estimate", 1e-12), ("upper_confidence_bound", 1e-10),
                         ("lower_confidence_bound", 1e-10), ("p_value", 1e-12)):  # fmt: skip
        worst = int(np.argmax(np.abs(ours[name] - column[name])))
        yield Line("4.5", f"confseq golden file, worst of 1,000 {name}", column[name][worst], ours[name][worst], within)
    bounds = mean_sequence(ours["increments"], t_opt=500)
    assert bounds is not None
    yield from lines("4.5", "asymptotic sequence (learning.md)", {"lower": "0.0878", "upper": "0.2613"},
                     {"lower": bounds.lower, "upper": bounds.upper})  # fmt: skip


def open_bandit(archive: Archive) -> Iterator[Line]:
    """4.3 and 4.4. Learned choosing (80 arms, three places) from data that were chosen evenly; quickstart_obd.ipynb."""
    folder = "obp/dataset/obd"
    rows = sorted(archive.table(f"{folder}/random/all/all.csv"), key=lambda row: row["timestamp"])
    learned = archive.table(f"{folder}/bts/all/all.csv")
    item, place = (np.array([int(row[name]) for row in rows]) for name in ("item_id", "position"))
    place = place - 1
    click, p = (np.array([float(row[name]) for row in rows]) for name in ("click", "propensity_score"))
    yield from lines("4.3", "click rate", {"random": "0.0038", "bts": "0.0042"}, {
        "random": click.mean(), "bts": float(np.mean([float(row["click"]) for row in learned]))})  # fmt: skip

    prior = yaml.safe_load(archive.text("obp/policy/conf/prior_bts.yaml"))["all"]
    alpha, beta = np.array(prior["alpha"]), np.array(prior["beta"])
    drawn = _drawn_choices(alpha, beta)
    exact = beta_best_odds(alpha, beta)
    for arm, printed in zip((0, 1, 2, 77, 78, 79), ("0.01078", "0.00167", "0.0058", "0.0008", "0.00689", "0.0582"),
                            strict=True):  # fmt: skip
        yield from lines("4.4", f"Thompson, 100,000 draws, arm {arm}", {"share": printed}, {"share": drawn[arm, 0]})
        noise = np.sqrt(exact[arm] * (1 - exact[arm]) / 100_000)
        yield Line("4.4", f"Thompson, quadrature, arm {arm}: within 3 errors of the draws", float(printed), exact[arm],
                   3 * noise)  # fmt: skip
    yield Line("4.4", "Thompson, quadrature, all arms together", 1.0, float(exact.sum()), 1e-9)

    target = drawn[:, place].T
    logged = {"id": np.arange(len(item)), "action": item, "outcome": click, "rand_prob": p, "target": target}
    items = archive.table(f"{folder}/random/all/item_context.csv")
    q = _clicks_expected(rows, items, item, place, click)
    direct = float((target * q).sum(axis=1).mean())
    simple, robust = ips(**logged), dr(**logged, predictions=q)
    yield from lines("4.3", "value of bts", {"IPW": "0.004553", "DM": "0.003545", "DR": "0.004727"}, {
        "IPW": simple.estimate, "DM": direct, "DR": robust.estimate})  # fmt: skip
    for name, value, published in (("IPW", simple, ("0.004544", "0.001531", "0.009254")),
                                   ("DR", robust, ("0.004717", "0.001702", "0.009416"))):  # fmt: skip
        same = _their_bootstrap(value.increments)
        yield from lines("4.3", f"{name}, their draws", dict(zip(("mean", "lower", "upper"), published, strict=True)),
                         dict(zip(("mean", "lower", "upper"), same, strict=True)))  # fmt: skip
        own = bootstrap_ratio(value.increments, np.ones(len(item)), id=logged["id"], rng=np.random.default_rng(1),
                              replicates=10_000)  # fmt: skip
        for bound, printed, ours in (("lower", published[1], own.lower), ("upper", published[2], own.upper)):
            yield Line("4.3", f"{name}, bootstrap by citizen, own draws, {bound}", float(printed), ours, 2e-4)


def beta_best_odds(alpha: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """The probability of each of several beta variables to be the greatest, by the quadrature of `core.beliefs`.

    `core.beliefs.best_odds` itself is for normals, since ours are regressions; the published case has counts.
    """
    nodes, weights = np.polynomial.legendre.leggauss(64)
    marks = np.unique(stats.beta.ppf([[1e-12], [0.01], [0.2], [0.5], [0.8], [0.99], [1 - 1e-12]], alpha, beta))
    half = np.diff(marks) / 2
    x = ((marks[:-1] + half)[:, None] + half[:, None] * nodes).ravel()
    dx = (half[:, None] * weights).ravel()
    below = np.log(np.maximum(betainc(alpha[:, None], beta[:, None], x), 1e-300))
    from_counts = xlogy(alpha[:, None] - 1, x) + xlog1py(beta[:, None] - 1, -x)
    density = from_counts - betaln(alpha, beta)[:, None]
    return (np.exp(density + below.sum(axis=0) - below) * dx).sum(axis=1)


def _drawn_choices(alpha: np.ndarray, beta: np.ndarray, draws: int = 100_000) -> np.ndarray:
    """Arms × places: how often each arm came first, second, third; with the stream of the published run."""
    stream = np.random.RandomState(12345)
    counts = np.zeros((len(alpha), 3))
    for _ in range(100):
        ranked = np.argsort(stream.beta(alpha, beta, size=(draws // 100, len(alpha))), axis=1)[:, ::-1]
        for place in range(3):
            counts[:, place] += np.bincount(ranked[:, place], minlength=len(alpha))
    return counts / draws


def _their_bootstrap(values: np.ndarray, draws: int = 10_000) -> tuple[float, float, float]:
    stream = np.random.RandomState(12345)
    means = [np.mean(stream.choice(values, size=values.size)) for _ in range(draws)]
    return float(np.mean(means)), *(float(bound) for bound in np.percentile(means, [2.5, 97.5]))


def _clicks_expected(rows, items, item, place, click) -> np.ndarray:
    """Rows × arms: clicks by a logistic regression per place, in three folds, with the published run's features."""
    person = np.column_stack([
        column
        for name in rows[0] if name.startswith("user_feature")
        for column in _dummies([row[name] for row in rows])[1:]
    ])  # fmt: skip
    thing = np.column_stack(
        [
            *(np.unique([row[f"item_feature_{k}"] for row in items], return_inverse=True)[1] for k in (1, 2, 3)),
            [float(row["item_feature_0"]) for row in items],
        ]
    )
    order = np.arange(len(rows))
    np.random.RandomState(12345).shuffle(order)
    found = np.zeros((len(rows), len(items)))
    for fold in np.array_split(order, 3):
        others = np.ones(len(rows), dtype=bool)
        others[fold] = False
        for k in range(3):
            train = others & (place == k)
            weights = _logistic(np.column_stack((person[train], thing[item[train]])), click[train])
            own = fold[place[fold] == k]
            split = person.shape[1]
            score = (person[own] @ weights[:split])[:, None] + thing @ weights[split:-1] + weights[-1]
            found[own] = 1 / (1 + np.exp(-score))
    return found


def _dummies(values) -> list[np.ndarray]:
    column = np.array(values)
    return [(column == value).astype(float) for value in np.unique(column)]


def _logistic(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Weights and constant with a ridge of a half on the weights alone, as scikit-learn does by default."""
    x = np.column_stack((x, np.ones(len(x))))

    def loss(weights):
        score = x @ weights
        slope = x.T @ (1 / (1 + np.exp(-score)) - y)
        slope[:-1] += weights[:-1]
        return np.logaddexp(0, score).sum() - y @ score + weights[:-1] @ weights[:-1] / 2, slope

    options = {"maxiter": 10_000, "gtol": 1e-8, "ftol": 1e-14}
    return minimize(loss, np.zeros(x.shape[1]), jac=True, method="L-BFGS-B", options=options).x


def _told(one) -> dict[str, float]:
    return {
        "estimate": one.estimate, "lower": one.lower, "upper": one.upper, "se": one.se, "p": one.p_value, "df": one.df,
        "t": one.estimate / one.se,
    }  # fmt: skip


#: From a source distribution, the cases that need it.
FROM_SDIST: dict[str, Callable[[Archive], Iterator[Line]]] = {
    "obp-0.5.7.tar.gz": open_bandit,
    "confseq-0.0.11.tar.gz": confseq,
}
