"""Random updates and requests: no fault, and nothing that the dialogue and the document do not allow."""

import logging

import pytest

from tests import fuzz, fuzz_api

UPDATES = 800
CASES = 20


@pytest.fixture
def town(tmp_path):
    with fuzz.town(tmp_path) as town:
        yield town


def pressed(person, data):
    sender = {"id": person, "is_bot": False, "first_name": "A"}
    return True, {"callback_query": {"id": "1", "from": sender, "chat_instance": "1", "data": data}}


def test_whatever_comes_from_telegram_has_only_the_effects_that_it_may_have(town, caplog):
    caplog.set_level(logging.CRITICAL)

    fuzz.hunt(town, UPDATES)

    assert town.counts["updates"] >= UPDATES
    assert town.counts["well shaped, done"] > UPDATES / 2
    assert town.counts["broken, dead"]


def test_the_model_follows_people_the_whole_way(town):
    town.lives(
        [
            pressed(fuzz.ACTIVE, "v1|t|0|yes.free-time"),
            pressed(fuzz.ACTIVE, "v1|t|0|off.money"),
            pressed(fuzz.JOINING, "v1|w|0|yes"),
            pressed(fuzz.JOINING, "v1|d|0|no.money"),
            pressed(fuzz.JOINING, "v1|d|0|off.money"),
            pressed(fuzz.TALKING, "v1|s|0|stop"),
            pressed(fuzz.ACTIVE, "v1|e|0|yes"),
        ]
    )

    for way in ("consent: given", "consent: withdrawn", "consent: refused", "standing: joining to active",
                "standing: active to stopped", "standing: active to erased"):  # fmt: skip
        assert town.counts[way], way


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
