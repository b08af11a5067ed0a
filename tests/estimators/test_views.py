"""From the export's views to the columns of an estimator, as pandas and as polars read them."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from bot.errors import FaultsError
from bot.research.estimators.emee import emee
from bot.research.estimators.views import send_columns, tone_columns
from bot.research.estimators.wcls import wcls


def send_view(n=600, seed=1):
    rng = np.random.default_rng(seed)
    available = rng.random(n) < 0.9
    p = rng.uniform(0.2, 0.8, n)
    a = ((rng.random(n) < p) & available).astype(int)
    language = rng.choice(["nl", "ar", "tr"], p=[0.6, 0.3, 0.1], size=n)
    liked = (rng.random(n) < 0.15 * 1.6**a).astype(int)
    return {
        "id": [f"p{i % 60:02}" for i in range(n)],
        "availability": available.astype(int).tolist(),
        "treatment": a.tolist(),
        "rand_prob": [x if here else None for x, here in zip(p.tolist(), available, strict=True)],
        "outcome_any": [int(y) if here else None for y, here in zip(liked, available, strict=True)],
        "reward": [y - 0.1 if here else None for y, here in zip(liked.tolist(), available, strict=True)],
        "f_dose": [float(x) if here else None for x, here in zip(rng.random(n), available, strict=True)],
        "f_language": [x if i > 4 else None for i, x in enumerate(language.tolist())],
    }


def tone_view(n=3_000, seed=2):
    rng = np.random.default_rng(seed)
    tones = ["neutral", "practical", "warm"]
    p = rng.dirichlet([5, 5, 5], size=n) * 0.85 + 0.05
    several = rng.random(n) < 0.8  # else the warm one could not be drawn
    p[~several, 2] = 0
    p /= p.sum(axis=1, keepdims=True)
    arm = (rng.random(n)[:, None] > np.cumsum(p, axis=1)).sum(axis=1)
    chance = 0.2 * np.array([1.0, 1.5, 1.0])[arm]
    return {
        "id": [f"p{i % 80:02}" for i in range(n)],
        "treatment": [tones[k] for k in arm],
        "outcome": (rng.random(n) < chance).astype(int).tolist(),
        **{f"p_{tone}": [x if x > 0 else None for x in p[:, k].tolist()] for k, tone in enumerate(tones)},
    }


@pytest.mark.parametrize("made", [pd.DataFrame, pl.DataFrame, lambda view: pd.DataFrame(view).convert_dtypes()])
def test_writing_is_estimated_from_a_view_however_it_was_read(made):
    view = made(send_view())
    columns = send_columns(view, controls=["f_dose", "f_language"])
    fit = emee(**columns)

    assert list(columns["controls"]) == ["f_dose", "f_language=ar", "f_language=tr"]
    assert [one.name for one in fit.controls] == ["(Intercept)", "f_dose", "f_language=ar", "f_language=tr"]
    assert fit.decision_points == sum(send_view()["availability"])
    assert fit.effects[0].lower <= np.log(1.6) <= fit.effects[0].upper
    assert wcls(**send_columns(view, outcome="reward")).effects[0].estimate > 0


def test_pandas_and_polars_give_the_same_to_the_last_bit():
    one, other = (emee(**send_columns(made(send_view()))) for made in (pd.DataFrame, pl.DataFrame))

    assert one.effects == other.effects


@pytest.mark.parametrize("made", [pd.DataFrame, pl.DataFrame])
def test_tones_are_compared_where_each_could_be_drawn_with_the_chances_they_had_then(made):
    view = made(tone_view())
    pair = tone_columns(view, ["neutral", "practical"])
    three = tone_columns(view, ["neutral", "practical", "warm"])

    shown = tone_view()
    here = np.array([tone != "warm" for tone in shown["treatment"]])
    assert pair["availability"].tolist() == here.astype(float).tolist()
    first = np.flatnonzero(here)[0]
    p = shown["p_neutral"][first], shown["p_practical"][first]
    assert pair["rand_prob"][first] == pytest.approx(np.array(p) / sum(p))
    assert three["availability"].tolist() == [float(x is not None) for x in shown["p_warm"]]
    for columns in (pair, three):
        fit = emee(**columns)
        assert fit.effects[0].name == "practical"
        assert fit.effects[0].lower <= np.log(1.5) <= fit.effects[0].upper


def test_columns_that_are_not_there_are_all_named():
    with pytest.raises(FaultsError) as told:
        send_columns(pd.DataFrame(send_view()), outcome="happy", controls=["f_mood"])
    assert [fault.partition(";")[0] for fault in told.value.faults] == ["columns: 'happy'", "columns: 'f_mood'"]

    with pytest.raises(FaultsError, match="columns: 'p_loud'"):
        tone_columns(pd.DataFrame(tone_view()), ["neutral", "loud"])
