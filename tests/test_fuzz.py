"""Random updates and requests: no fault, and nothing that the dialogue and the document do not allow."""

import pytest

from tests import fuzz, fuzz_api

UPDATES = 2_000
CASES = 20


@pytest.fixture
def town(tmp_path):
    with fuzz.town(tmp_path) as town:
        yield town


def test_whatever_comes_from_telegram_has_only_the_effects_that_it_may_have(town):
    fuzz.hunt(town, UPDATES)

    assert town.counts["updates"] >= UPDATES
    for way in ("standing: active to stopped", "standing: active to blocked", "consent: given", "broken, dead"):
        assert town.counts[way], f"no history had this in it: {way}"


def test_the_model_notices_what_it_is_there_for(town):
    """A bot that agrees on somebody's behalf, and one that mistakes one person for another."""
    row = {"standing": "active"}
    nobody = fuzz.Person(row, (("money", "asked", 1),), frozenset())
    given = fuzz.Person(row, (*nobody.consents, ("money", "given", 2)), frozenset())
    unasked = fuzz.Person(row, (("money", "given", 2),), frozenset())
    yes = fuzz.Said("1", press=fuzz.Press("d", 0, "yes.money"))

    fuzz.allowed(nobody, given, yes, town.counts)
    for was, now, said in (
        (nobody, given, fuzz.Said("1", words="ja")),
        (nobody, given, fuzz.Said("1", press=fuzz.Press("d", 0, "yes.care"))),
        (fuzz.Person(row, (), frozenset()), unasked, yes),
        (fuzz.Person({"standing": "stopped"}, (), frozenset()), fuzz.Person(row, (), frozenset()), yes),
        (given, nobody, yes),
    ):
        with pytest.raises(AssertionError):
            fuzz.allowed(was, now, said, town.counts)


def test_the_interface_does_what_its_document_says_whatever_comes(tmp_path):
    ran = fuzz_api.hunt(tmp_path, CASES, seed=4)

    assert ran.returncode == 0, ran.stdout[-8000:] + ran.stderr[-2000:]
    assert "6 selected / 6 total" in ran.stdout
