"""Our estimators against what others published, without a network. `python -m tests.parity` has every case."""

import numpy as np
import pytest

from tests.parity import __main__ as command
from tests.parity import sources
from tests.parity.cases import FROM_SDIST, Line, beta_best_odds, binary, binary_trial, golden, heartsteps, lines
from tests.parity.r_random import R

# confseq 0.0.11 (MIT), demo/ate_data.csv: its two columns of 1,000 bits, and some of its rows.
Y = (
    "94428fa16409002040d00441a9350080a43022200c01004c066ab005cab2a882a8f62200060880880180b12560998070010032b60a060178aa"
    "082204c5342204226a5350008f0005940041c80622b0a0738ca4104013cb885337800803168041e4ae145900240408030d320a0c84e10104c0"
    "409c4c08430ab095c041a1"
)
TREATMENT = (
    "84e4b64579e9cb3e5e050e491f4cf0cb6d95df2ac6a13e7cf48a768091b4fa55a9ffa2c5249cb94081c9aa31f19c7d4ea8b02e3bb1803db5b8"
    "041335f5ceaa153b6a97546a2a4fca9c246189bf4f364cfb0409c0cb7f0a8b722f44f66226910bae25fc67c134797b3c0532a32f10edb2fd8d"
    "86d97ed87b0ef49ca8d181"
)
GOLDEN = {
    1: (1, 1, -1, 0.983920078788205),
    10: (0.653333333333333, 1, -1, 0.888548290145229),
    100: (0.106826716602117, 0.568673386057953, -0.355019952853719, 1),
    599: (0.155784205861516, 0.311892045429775, -0.000323633706741794, 0.0255333666542801),
    600: (0.157919116514548, 0.314006960213792, 0.00183127281530396, 0.02217324041654),
    1000: (0.174591114336686, 0.29338820314705, 0.0557940255263216, 7.33500456673828e-05),
}


def bits(digits):
    return np.array([float(bit) for bit in f"{int(digits, 16):01000b}"])


def differing(found):
    return [line for line in found if not line.equal]


def test_rs_numbers_are_made_again():
    assert R(123).runif(3) == pytest.approx([0.2875775, 0.7883051, 0.4089769], abs=1e-7)


def test_every_published_number_of_the_binary_trial_is_met():
    found = list(binary())

    assert len(found) == 26
    assert differing(found) == []


def test_every_published_number_of_the_trial_like_heartsteps_is_met():
    path = sources.find(sources.HEARTSTEPS)
    if path is None:
        pytest.skip(f"{sources.HEARTSTEPS} (GPL-3) is not beside the repository, nor where PARITY_DATA says")

    found = list(heartsteps(path))

    assert len(found) == 29
    assert differing(found) == []


@pytest.mark.parametrize("row", GOLDEN)
def test_the_golden_rows_of_confseq_are_met(row):
    ours = golden(bits(Y), bits(TREATMENT))
    names = ("point_estimate", "upper_confidence_bound", "lower_confidence_bound", "p_value")

    assert [ours[name][row - 1] for name in names] == pytest.approx(GOLDEN[row], abs=1e-10)


@pytest.mark.parametrize("name", FROM_SDIST)
def test_every_published_number_of_a_source_distribution_is_met(name):
    path = sources.find(name)
    if path is None:
        pytest.skip(f"{name} is not beside the repository; `python -m tests.parity` has pip fetch it")

    assert differing(FROM_SDIST[name](sources.Archive(path))) == []


def test_the_best_of_several_betas_is_drawn_as_often_as_the_quadrature_says():
    alpha, beta = np.array([1.0, 30.0, 4.0]), np.array([3.0, 70.0, 9.0])
    best = np.random.default_rng(1).beta(alpha, beta, size=(200_000, 3)).argmax(axis=1)

    assert np.bincount(best) / 200_000 == pytest.approx(beta_best_odds(alpha, beta), abs=0.004)


def test_a_number_counts_as_equal_to_the_last_digit_that_is_printed():
    assert [line.equal for line in lines("0", "x", {"a": "0.16", "b": "1.5e-03"}, {"a": 0.1649, "b": 0.00156})] == [
        True,
        False,
    ]
    assert not Line("0", "x", 1.0, float("nan"), 0.5).equal


def test_the_command_prints_every_case_and_says_what_it_has_not_got(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(sources, "places", lambda: [tmp_path])

    assert command.main(["--no-fetch"]) == 0

    said = capsys.readouterr().out
    assert "EMEE fit4 estimate" in said
    assert "26 of 26 published numbers are equal." in said
    for missing in (sources.HEARTSTEPS, *FROM_SDIST, "4.6 VW", "4.7 Thornton"):
        assert f"NOT HAD  {missing}" in said or missing in said.partition("NOT HAD")[2]


def test_the_command_fails_when_a_number_differs(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(sources, "places", lambda: [tmp_path])
    monkeypatch.setattr(command, "binary", lambda: iter([Line("4.2", "x", 1.0, 1.1, 0.01)]))

    assert command.main(["--no-fetch"]) == 1
    assert "DIFFERS" in capsys.readouterr().out


def test_a_source_distribution_that_is_another_one_is_not_taken(monkeypatch, tmp_path):
    monkeypatch.setenv("PARITY_DATA", str(tmp_path))
    monkeypatch.setattr(sources, "CACHE", tmp_path / "none")
    (tmp_path / "obp-0.5.7.tar.gz").write_bytes(b"something else")

    assert sources.find("obp-0.5.7.tar.gz") is None


def test_the_trial_is_made_from_its_seed_each_time():
    first, again = binary_trial(), binary_trial()

    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert first["Y"].mean() == pytest.approx(0.40233, abs=1e-4)
