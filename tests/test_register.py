"""The algorithm register: what the entry says is what runs, and what nobody registered is not used."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError
from sqlmodel import select

from bot import campaigns, register
from bot.core import beliefs, policy
from bot.core.facts import Learning, Tone
from bot.core.sums import NOTHING, Others, Sums
from bot.errors import FaultsError, RefusedError
from bot.operating import glance
from bot.register import Standing
from bot.store.tables import AuditRow
from bot.wording.prior import Prior
from tests.world import World


@pytest.fixture
def town(sessions, wording, vault):
    return World(sessions, wording, vault)


def publish(town, **changes):
    with town.sessions.begin() as session:
        return register.publish(session, replace(town.wording, **changes), by="ada", now=town.now)


def standing(town, wording=None):
    with town.sessions() as session:
        return register.standing(session, wording or town.wording)


def softer(wording):
    """The same texts with another weight in the reward."""
    return replace(wording, values=replace(wording.values, stop=-4.0, version="2026-12"))


def decide(town, chat="111", *, learning=Learning.ADAPTIVE):
    """One decision about somebody who joins, in a campaign that learns; by a policy that has learned something."""
    name = f"learns-{chat}"
    town.campaign(id=name, learning=learning)
    town.joins(chat, "money")
    with town.sessions.begin() as session:
        session.execute(text("UPDATE citizen SET holdout = :no"), {"no": False})
    town.signal()
    town.tick()
    person = town.citizen(chat).id
    return next(one for one in town.decisions() if (one.campaign_id, one.citizen_id) == (name, person))


def test_the_entry_has_the_fields_of_the_standard(wording):
    said = register.entry(wording)

    assert register.faults(said, wording) == []
    example = [
        "schema_versie", "taal", "naam", "organisatie", "korte_omschrijving", "status", "thema", "begindatum",
        "contactgegevens", "publicatiecategorie", "doel_en_impact", "afwegingen", "menselijke_tussenkomst",
        "risicobeheer", "wettelijke_basis", "impacttoetsen", "gegevens", "technische_werking", "leverancier",
    ]  # fmt: skip
    assert set(said) == {*example, "link_wettelijke_basis"}
    assert all(type(text) is str and "\n" not in text and "{" not in text for text in said.values())


def test_it_says_what_runs(wording):
    said = register.entry(wording)

    assert "tussen 20% en 80%" in said["technische_werking"]
    assert f"helling {beliefs.prior(wording.values).slope:g}" in said["technische_werking"]
    assert register.fingerprint(wording)[:12] in said["technische_werking"]
    assert "stoppen −3" in said["afwegingen"]
    assert "stoppen −4" in register.entry(softer(wording))["afwegingen"]
    assert all(word in said["gegevens"] for name, word in wording.register.words.items() if name != "one")


@pytest.mark.parametrize(
    ("field", "value", "fault"),
    [
        ("naam", "x" * 100, "naam has 100 characters; write fewer than 100"),
        ("korte_omschrijving", "", "korte_omschrijving is missing; the standard asks for it"),
        ("status", "Actief", "status = 'Actief' is not in the standard; use In ontwikkeling or In gebruik or Buiten"),
        ("publicatiecategorie", "Hoog", "publicatiecategorie = 'Hoog' is not in the standard; use Hoog-risico AI"),
        ("taal", "nl", "taal = 'nl' is not in the standard; use nld"),
        ("begindatum", "2026-13", "begindatum = '2026-13' is no month; write it as 2026-11"),
        ("technische_werking", "Het rekent.", "technische_werking does not say that the algorithm is zelflerend"),
        ("gegevens", "Taal\n* toon", "gegevens holds '\\n'; the standard takes plain sentences"),
        ("link_wettelijke_basis", "wet", "link_wettelijke_basis = 'wet' is no address; begin it with https://"),
        ("kleur", "rood", "kleur is not a field of the standard; mend its name or take it out"),
    ],
)
def test_what_does_not_fit_the_standard_is_told(wording, field, value, fault):
    found = register.faults({**register.entry(wording), field: value}, wording)

    assert any(one.startswith(fault) for one in found), found


def test_every_number_that_a_decision_looks_at_has_a_word(wording):
    less = wording.register.model_copy(update={"words": {"one": "een vast getal"}})

    with pytest.raises(FaultsError) as told:
        register.entry(replace(wording, register=less))

    assert "messages/register.toml: words.dose is missing" in told.value.faults[0]
    tone, send = register.configuration(wording)["tone_features"], register.configuration(wording)["send_features"]
    assert len(told.value.faults) == len({*tone, *send}) - 1


def test_a_week_of_learning_is_no_other_algorithm_and_another_weight_is(town, wording):
    before = register.fingerprint(wording)
    learned = policy.learn([], policy.prior(wording.values), wording.values, cutoff=town.now)

    assert register.fingerprint(wording) == before
    assert learned.version != policy.prior(wording.values).version
    assert register.fingerprint(softer(wording)) != before
    signed = replace(wording, values=replace(wording.values, signed_by="De raad"))
    assert register.fingerprint(signed) == before


def test_what_others_learned_is_another_algorithm(wording):
    rows = Sums(names=("one",), xx=np.eye(1) * 100, xy=np.array([20.0]), yy=20.0, weight=100.0, n=100)

    def counting(weight):
        others = Others.of([(dict.fromkeys(Tone, rows), NOTHING)], weight=weight)
        prior = Prior(others=others, municipalities=("Elders",), signed_by="Ada", weight=weight)
        return register.fingerprint(replace(wording, prior=prior))

    assert counting(0.5) != register.fingerprint(wording)
    assert counting(0.5) != counting(1.0)


def test_each_bound_of_each_phase_is_part_of_the_algorithm(wording, monkeypatch):
    before = register.fingerprint(wording)
    for phase in beliefs.PHASES:
        for name in beliefs.PHASES[phase]:
            wider = {**beliefs.PHASES, phase: {**beliefs.PHASES[phase], name: 0.123}}
            with monkeypatch.context() as patch:
                patch.setattr("bot.register.algorithm.PHASES", wider)
                assert register.fingerprint(replace(wording)) != before, (phase, name)


def test_what_nobody_registered_is_not_used_and_the_decision_says_why(town):
    town.campaign(id="known", learning=Learning.ADAPTIVE)  # registers
    assert decide(town).fallback is None

    town.wording = town.journey.wording = softer(town.wording)
    with town.sessions() as session:
        assert register.standing(session, town.wording) is Standing.OTHER
    town.later(days=1)
    with town.sessions.begin() as session:
        from bot import planning

        belief = planning.current_policy(session, town.wording, town.now)
        why = planning.doubt(session, town.wording, belief, town.now)
    assert why == "unregistered: the entry of 2026-11-24 is about another algorithm"


def test_without_an_entry_decisions_are_even_and_can_be_made_again(town, monkeypatch):
    monkeypatch.setattr("tests.world.registered", lambda *_, **__: None)

    made = decide(town)

    assert made.fallback == "unregistered: the algorithm register has no entry"
    assert made.p_send == 0.5
    assert made.tone_probs == pytest.approx(dict.fromkeys(made.tone_probs, 1 / len(made.tone_probs)))
    assert town.journey.replay(made.id).differences == []
    assert decide(town, "222", learning=Learning.TRIAL).fallback is None


def test_once_published_what_was_learned_is_used_again(town):
    publish(town)
    assert standing(town) is Standing.SAME
    town.wording = town.journey.wording = softer(town.wording)
    assert standing(town).pauses

    publish(town)

    assert standing(town) is Standing.SAME
    with town.sessions() as session:
        assert register.doubt(session, town.wording) is None
        [second, first] = register.history(session)
    assert [line.field for line in register.difference(first.entry, second.entry)] == [
        "afwegingen", "technische_werking",
    ]  # fmt: skip


def test_other_words_about_the_same_algorithm_pause_nothing(town):
    publish(town)
    other = town.wording.register.model_copy(update={"contactgegevens": "fg@voorbeeldstad.example"})
    reworded = replace(town.wording, register=other)

    assert standing(town, reworded) is Standing.REWORDED
    with town.sessions() as session:
        assert register.doubt(session, reworded) is None
    with pytest.raises(RefusedError, match="says exactly this already"):
        publish(town)
    publish(town, register=other)


def test_what_does_not_fit_is_not_published(town):
    long = town.wording.register.model_copy(update={"naam": "x" * 120})

    with pytest.raises(FaultsError, match="naam has 120 characters"):
        publish(town, register=long)
    with pytest.raises(FaultsError, match=r"register\.toml is not there"):
        publish(town, register=None)


@pytest.mark.parametrize("deed", ["UPDATE register_entry SET published_by = 'eva'", "DELETE FROM register_entry"])
def test_the_database_lets_nobody_change_what_was_published(town, deed):
    made = publish(town)

    with pytest.raises(DatabaseError, match="what was frozen cannot be changed"), town.sessions.begin() as session:
        session.execute(text(deed))

    with town.sessions() as session:
        assert register.newest(session) == made
        [audited] = session.exec(select(AuditRow).where(AuditRow.action == "register.publish")).all()
    assert (audited.who, audited.detail["fingerprint"]) == ("ada", made.fingerprint)


def test_staff_are_told_only_where_something_is_not_used(town):
    def findings():
        with town.sessions() as session:
            standing, learns = register.standing(session, town.wording), campaigns.adaptive(session)
        return [finding.check for finding in glance.of_register(standing, learns)]

    assert findings() == []
    town.campaign()
    assert findings() == []  # it draws evenly in any case
    town.campaign(id="learns", learning=Learning.ADAPTIVE)
    assert findings() == []
    town.wording = softer(town.wording)
    assert findings() == ["register"]


#: What the algorithm makes of some fixed answers, by its declared version. Whoever changes how it decides or learns
#: raises `policy.ALGORITHM` and writes the new line here, so that the register notices.
KNOWN = {"2": (0.295595714, {Tone.NEUTRAL: 0.454330646, Tone.WARM: 0.272828857, Tone.PRACTICAL: 0.272840497})}


def test_another_way_of_deciding_has_another_version(wording, town):
    values = replace(wording.values, version="fixed", signed_by=None)
    rows = [
        policy.Matured(
            decision=f"d{number:03}",
            decided_at=town.now - timedelta(days=100 - number % 60),
            closes_at=town.now - timedelta(days=20),
            context={
                "language:nl": 1.0, "theme:money": 1.0, "dose": number % 4 / 2, "rate": 0.01 * (number % 5),
                "silence": number % 3 / 2, "unwelcome": float(number % 7 == 0), "urgency": 0.3, "recent_warm": 0.5,
            },
            sensitivity="S1",
            sent=number % 3 != 0,
            tone=list(Tone)[number % 3] if number % 3 else None,
            p_send=0.5,
            randomised_send=True,
            randomised_tone=True,
            tone_forced=False,
            outcome=policy.Outcome(interested=number % 5 == 0, unwelcome=number % 11 == 0, stopped=number % 97 == 0),
        )
        for number in range(600)
    ]  # fmt: skip
    learned = policy.learn(rows, policy.prior(values), values, cutoff=town.now)
    send = policy.send_odds(learned, rows[1].context)
    tones = policy.tone_odds(learned, rows[1].context, list(Tone))

    assert (send, tones) == (pytest.approx(KNOWN[policy.ALGORITHM][0]), pytest.approx(KNOWN[policy.ALGORITHM][1]))
