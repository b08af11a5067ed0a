"""The fourteen service cards and their wordings, the situations that people can tell, and a desk that is closed."""

import json
import re
import shutil
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest

from bot import campaigns, signals
from bot.cli import fitness
from bot.core.facts import CardStatus, Level, Origin, Reason, Sensitivity, Tone
from bot.core.plain import Severity, readability, words
from bot.demo import SOURCE, Town
from bot.errors import FaultsError
from bot.wording import Wording, data, load
from bot.wording.cards import Allowed, PersonalData, ServiceCard
from tests.world import World

TODAY = date(2026, 11, 24)
CATALOGUE = {
    "zorgtoeslag": "S1", "huurtoeslag": "S1", "kindgebonden-budget": "S1", "aio": "S2", "toeslagenwet-uwv": "S2",
    "bijzondere-bijstand": "S2", "individuele-inkomenstoeslag": "S2", "studietoeslag": "S3", "kwijtschelding": "S2",
    "kindpakket": "S2", "geldzaken-gesprek": "S3", "stadspas": "S1", "mantelzorg": "S2", "wmo-hulp-thuis": "S3",
}  # fmt: skip
TOLD = (
    "achttien-geworden", "alleen-gaan-wonen", "baan-kwijt", "eerste-woning", "gezin-veranderd", "inkomen-gedaald",
    "inkomen-partner-gedaald", "kind-geboren", "kind-wil-sporten", "met-pensioen", "nieuw-in-gemeente",
    "onverwachte-kosten", "overzicht-gewenst", "partner-weg", "thuis-hulp-gewenst", "verhuisd", "zorgt-voor-iemand",
)  # fmt: skip
#: Words that say something about a person's body, mind or debts.
TENDER = re.compile(
    r"ziek|gezond|beperk|handicap|medisch|diagnos|arts\b|huisarts|psych|wmo|schuld|achterstand|incasso|betalingsprobl"
    r"|health|ill\b|illness|sick|disab|medical|doctor|debt|arrears",
    re.IGNORECASE,
)
ANNA = "111"
MOVED = "nl.regelingen.regeling-geopend.v1"
CLOSED_DESK = Path(__file__).parent / "closed_desk"


def enabled(wording, *origins):
    return [
        (card, signal)
        for card in wording.cards.values()
        for signal in card.signals
        if signal.enabled and (not origins or signal.origin in origins)
    ]


def teasers(wording):
    return [one for one in wording.variants.values() if wording.cards[one.card].sensitivity.teaser_first]


def of_card(wording, card):
    return [key for key in wording.sources if key.startswith((f"card.{card}.", f"{card}."))]


# The cards.


def test_the_fourteen_cards_of_the_catalogue_are_shipped(wording):
    assert {name: card.sensitivity for name, card in wording.cards.items()} == CATALOGUE


@pytest.mark.parametrize("card", CATALOGUE)
def test_each_card_has_three_tones_that_fit_in_every_language(wording, card):
    variants = [variant for variant in wording.variants.values() if variant.card == card]

    assert {variant.id for variant in variants} == {f"{card}.{tone}.1" for tone in Tone}
    assert {variant.languages for variant in variants} == {frozenset(wording.languages)}


@pytest.mark.parametrize("card", CATALOGUE)
def test_no_wording_of_a_card_breaks_a_rule_without_a_reason(wording, card):
    for key in of_card(wording, card):
        for language in wording.languages:
            found = [one for one in wording.findings(key, language) if one.severity is not Severity.INFO]

            assert {one.rule for one in found} <= set(wording.sources[key].exceptions), (key, language, found)


@pytest.mark.parametrize("card", CATALOGUE)
def test_the_text_behind_a_nudge_reads_easily(wording, card):
    body = wording.say(f"card.{card}.body", "nl")

    assert 30 <= len(words(body)) <= 60
    assert readability(body, "nl") >= 70


@pytest.mark.parametrize("card", CATALOGUE)
def test_a_card_promises_nothing_and_names_no_amount(wording, card):
    said = " ".join(wording.say(key, "nl") for key in of_card(wording, card)).casefold()

    assert not re.search(r"€|\beuro\b|recht op|\bu krijgt (?!dan hulp)", said)
    assert re.search(r"misschien|graag", wording.say(f"card.{card}.body", "nl").casefold())


def test_services_that_go_together_are_shipped_and_other_than_themselves(wording):
    for card in wording.cards.values():
        related = [one.card for one in card.related]

        assert related
        assert len(set(related)) == len(related)
        assert set(related) <= wording.cards.keys() - {card.id}


def test_every_card_settles_what_ap24_asks(wording):
    for card in wording.cards.values():
        assert card.professional_discretion
        assert {signal.origin for signal in card.signals if signal.enabled} >= {Origin.PROFESSIONAL}
        assert "in de eerste acht weken na een overlijden: alleen contact met een medewerker" in card.wanted.not_wanted
        assert any("niets voor mij" in when for when in card.wanted.not_wanted)
        assert len(set(card.approved_by)) == 2
        assert card.weighing.decided_by is not None
        assert card.weighing.decided_on is not None
        assert all(row.legal and row.practical for row in card.reuse)
        assert str(card.uniform_product).startswith("http://standaarden.overheid.nl/owms/terms/")


def test_no_provider_is_told_about_a_person_who_did_nothing_for_it(wording):
    for card in wording.cards.values():
        for provider in card.providers:
            tells = any("contactverzoek" in item for item in provider.receives)

            assert not tells or provider.personal_data is PersonalData.ON_CONTACT_REQUEST


def test_a_refusal_is_a_signal_for_nobody(wording):
    for card in wording.cards.values():
        refusals = [row for row in card.reuse if row.contact_item.startswith("Nee, of: dit is niets voor mij")]

        assert [row.allowed for row in refusals] == [Allowed.NO]


def test_no_call_is_offered_where_telling_was_found_to_be_enough(wording):
    inform = {card.id for card in wording.cards.values() if card.weighing.level is Level.INFORM}

    assert inform == {"kindgebonden-budget", "studietoeslag"}
    assert not any(card.weighing.level is Level.HUMAN_ONLY for card in wording.cards.values())


# What is never done by a bot alone.


def test_signals_from_registers_are_shipped_off_and_cannot_be_switched_on_by_one_word(wording):
    registers = [
        (card, signal) for card in wording.cards.values() for signal in card.signals if signal.origin is Origin.REGISTER
    ]

    assert len(registers) == 8
    for card, signal in registers:
        assert not signal.enabled
        assert signal.unsettled
        switched = [one.model_copy(update={"enabled": True}) if one is signal else one for one in card.signals]
        there = {**wording.cards, card.id: card.model_copy(update={"signals": switched})}
        faults = replace(wording, cards=there).checked(today=TODAY)
        assert any(f"{signal.type} is enabled without a settled legal basis" in fault for fault in faults)


@pytest.mark.parametrize(
    "says", ["NOG NIET GEREGELD: nodig is een wet", "Of dit mag, is nog niet\ngeregeld.", "NOT SETTLED: needs a law"]
)
def test_a_legal_basis_that_says_it_is_not_settled_is_none_also_with_an_assessment(wording, says):
    card = wording.cards["huurtoeslag"]
    register = next(signal for signal in card.signals if signal.origin is Origin.REGISTER)
    assessed = register.model_copy(update={"dpia": "DPIA 2027-3"})

    assert assessed.model_copy(update={"legal_basis": says}).unsettled
    assert assessed.unsettled
    assert not assessed.model_copy(update={"legal_basis": "Wet X, artikel 1"}).unsettled


def test_arrears_signals_are_left_to_people(wording):
    arrears = [
        (card.id, signal.enabled)
        for card in wording.cards.values()
        for signal in card.signals
        if signal.type.startswith("nl.schuldhulpverlening.")
    ]

    assert arrears == [("geldzaken-gesprek", False)]


@pytest.mark.parametrize(("signal", "days"), [("partner-weg", 56), ("kind-geboren", 21), ("baan-kwijt", 7)])
def test_people_are_left_alone_first_after_what_shakes_a_life(wording, signal, days):
    answering = [one for _, one in enabled(wording) if one.type == f"nl.inwonersituaties.{signal}-gemeld.v1"]

    assert answering
    assert all(one.earliest_day >= days for one in answering)


def test_who_lost_a_partner_is_left_in_peace_for_eight_weeks_and_can_speak_to_somebody(sessions, wording, vault):
    world = World(sessions, wording, vault)
    for campaign in ("zorgtoeslag-deadline", "aio"):
        world.campaign(campaign)
    world.joins(ANNA, "money")
    world.say(ANNA, "/situation")
    world.choose(ANNA, "partner-gone")
    told = world.phones[ANNA].last
    world.signal(in_days=63)

    assert "Tot 19 januari 2027 sturen wij u geen berichten." in told.text
    assert [button.data for button in told.buttons] == ["v1|c|0|ask"]
    while world.now < datetime(2027, 1, 19, 9, 0, tzinfo=UTC):
        assert world.tick() == []
        world.later(days=1)
    assert len(world.tick()) == 1


def test_a_longer_pause_of_ones_own_stays(sessions, wording, vault):
    world = World(sessions, wording, vault)
    world.joins(ANNA, "money")
    world.say(ANNA, "/settings")
    world.choose(ANNA, "pause")
    world.choose(ANNA, "pause.90")
    world.say(ANNA, "/situation")
    world.choose(ANNA, "partner-gone")

    assert world.citizen(ANNA).paused_until == world.now + timedelta(days=90)


def test_the_tenderest_subjects_are_brought_up_once_and_never_from_a_register(wording):
    tender = [card for card in wording.cards.values() if card.sensitivity is Sensitivity.S3]

    assert {card.id for card in tender} == {"studietoeslag", "geldzaken-gesprek", "wmo-hulp-thuis"}
    for card in tender:
        assert card.cadence.max_sends == 1
        assert Origin.REGISTER not in {signal.origin for signal in card.signals if signal.enabled}


@pytest.mark.parametrize("card", ["studietoeslag", "geldzaken-gesprek", "wmo-hulp-thuis"])
@pytest.mark.parametrize("language", ["nl", "en"])
def test_the_tenderest_subjects_are_talked_of_without_health_or_debt(wording, card, language):
    said = [wording.say(key, language) for key in of_card(wording, card) if not key.startswith((f"card.{card}.whom",
            f"card.{card}.signs"))]  # fmt: skip
    body = wording.forms(f"card.{card}.body", language)

    assert not TENDER.search(" ".join(re.sub(r"https?://\S+", "", text) for text in said))
    assert all("{official_page}" in form and "{phone}" in form for form in body)


# The lock screen.


def test_an_ordinary_nudge_names_its_subject_and_a_teaser_keeps_it(wording):
    for variant in wording.variants.values():
        card = wording.cards[variant.card]

        assert (card.name.casefold() in wording.say(variant.id, "nl").casefold()) is not card.sensitivity.teaser_first


@pytest.mark.parametrize("tone", Tone)
def test_the_words_of_a_teaser_do_not_tell_which_card_it_is(wording, tone):
    for language in wording.languages:
        cards = {}
        for one in teasers(wording):
            if one.tone is tone:
                cards.setdefault(wording.say(one.id, language), set()).add(one.card)
        for sharing in cards.values():
            assert len(sharing) >= 4
            assert len({wording.cards[card].theme for card in sharing}) >= 2


# What people can tell.


def test_everything_that_a_card_answers_can_be_told_and_everything_told_is_answered(wording):
    answered = {signal.type for _, signal in enabled(wording, Origin.SELF)}
    tellable = [situation.signal for situation in wording.situations.values()]

    assert sorted(tellable) == sorted(answered) == [f"nl.inwonersituaties.{told}-gemeld.v1" for told in TOLD]
    assert all(situation.answered for situation in wording.situations.values())


def test_a_running_campaign_answers_whatever_people_tell(wording):
    files = [path.read_text(encoding="utf-8") for path in data("messages").joinpath("campaigns").iterdir()]
    read = [campaigns.read(text, wording) for text in files]
    answered = {(file.card, kind) for file in read for kind in file.trigger.signals}

    assert answered >= {(card.id, signal.type) for card, signal in enabled(wording, Origin.SELF, Origin.PROFESSIONAL)}
    assert {file.card for file in read} == wording.cards.keys()


def test_a_situation_is_a_button_that_can_be_read_whole(wording):
    for code in wording.situations:
        for language in wording.languages:
            text = re.sub("[\u2068\u2069]", "", wording.say(f"situation.{code}", language))

            assert len(text) <= 30, (code, language, text)
            assert not TENDER.search(text)


def test_the_door_asks_no_more_than_five_questions(wording):
    assert len(wording.themes) <= 5
    assert {card.theme for card in wording.cards.values()} == wording.themes.keys()


# Examples, and cards that nobody looked at.


def settle(card: ServiceCard, **changes: object) -> ServiceCard:
    """The card as a municipality has it that decided about it, with `changes`."""
    page = card.official_page.model_copy(update={"checked_on": date(2026, 11, 2)})
    return card.model_copy(update={"example": False, "official_page": page, **changes})


def all_settled(wording: Wording, card: str, **changes: object) -> Wording:
    """Everything settled and signed by people; `changes` are made to one card."""
    cards = {name: settle(one, **(changes if name == card else {})) for name, one in wording.cards.items()}
    return replace(
        wording,
        cards=cards,
        municipality=wording.municipality.model_copy(update={"example": False}),
        values=replace(wording.values, signed_by="C. Jansen"),
    )


def why_not(sessions, wording: Wording, *, trial: bool = False) -> str:
    """What `run` says against starting, of the cards, with a campaign about healthcare allowance running."""
    whole = SimpleNamespace(wording=wording, sessions=sessions, today=lambda: TODAY)
    now = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
    return "\n".join(said for said in fitness.unfit(whole, now, trial=trial) if "services/" in said)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"example": True}, "example is true"),
        ({"approved_by": ["A. Jansen"]}, "approved_by names fewer than two different people"),
        ({"review_due": date(2026, 11, 23)}, "review_due 2026-11-23 has passed"),
        ({"valid_until": date(2026, 11, 23)}, "outside valid_from 2026-01-01 to valid_until 2026-11-23"),
        ({"status": CardStatus.SUSPENDED}, "status is suspended"),
    ],
)
def test_run_refuses_a_card_that_is_not_settled_with_the_reason(sessions, wording, vault, changes, reason):
    World(sessions, wording, vault).campaign()

    assert why_not(sessions, all_settled(wording, "zorgtoeslag")) == ""
    assert why_not(sessions, all_settled(wording, "stadspas", **changes)).count("not published") == 0
    assert reason in why_not(sessions, all_settled(wording, "zorgtoeslag", **changes))


def test_run_refuses_a_card_whose_official_page_nobody_read(sessions, wording, vault):
    World(sessions, wording, vault).campaign()
    unread = all_settled(wording, "zorgtoeslag", official_page=wording.cards["zorgtoeslag"].official_page)

    assert "official_page.checked_on is missing" in why_not(sessions, unread)
    assert why_not(sessions, unread, trial=True) == ""


def test_a_campaign_that_starts_while_run_runs_is_held_by_the_same_reasons(sessions, wording, vault):
    whole = all_settled(wording, "zorgtoeslag", official_page=wording.cards["zorgtoeslag"].official_page)
    world = World(sessions, fitness.settled(whole, TODAY), vault)
    world.joins(ANNA, "money", "free-time")
    world.journey.wording = world.wording = whole
    world.campaign("zorgtoeslag-deadline")
    world.campaign("stadspas")

    world.journey.wording = fitness.settled(whole, TODAY)
    world.signal()
    world.signal("nl.inwonersituaties.verhuisd-gemeld.v1", origin=Origin.SELF, in_days=0)
    world.tick()

    assert {nudge.card for nudge in world.nudges()} <= {"stadspas"}
    assert (
        fitness.settled(all_settled(wording, "zorgtoeslag"), TODAY).cards["zorgtoeslag"].status is CardStatus.PUBLISHED
    )


def test_the_demo_marks_its_cards_as_examples(sessions, wording, vault):
    world = World(sessions, wording, vault)
    world.campaign("stadspas")
    town = Town(journey=world.journey, key="", url="")

    [shown] = town.examples("nl")
    assert "Voorbeeldkaart, nog niet nagekeken" in shown.detail
    world.journey.wording = all_settled(wording, "stadspas")
    assert all("Voorbeeldkaart" not in one.detail for one in town.examples("nl"))


def test_the_demo_can_hand_in_an_example_for_every_card_in_every_language(sessions, wording, vault):
    world = World(sessions, wording, vault)
    for name in data("messages").joinpath("campaigns").iterdir():
        world.campaign(name.name.removesuffix(".toml"))
    town = Town(journey=world.journey, key="", url="")
    known = signals.known_types(card.facts() for card in wording.cards.values())
    source = signals.Source(name=SOURCE, types=frozenset(known))
    zone = ZoneInfo(wording.municipality.zone)

    for language in wording.languages:
        cards = set()
        for example in town.examples(language):
            body = json.dumps(town.event(example.id, 111, language)).encode()
            headers = {"Content-Type": "application/cloudevents+json"}
            taken = signals.from_cloudevent(headers, body, source, known, cards=wording.cards, zone=zone, now=world.now)
            cards |= {signal.card for signal in taken}
        assert cards == wording.cards.keys()


# A desk that is closed.


@pytest.fixture
def desk(tmp_path):
    """The wording with the energy fund on it, open or closed."""
    shutil.copytree(data("messages"), tmp_path / "messages")
    shutil.copy(CLOSED_DESK / "nudges.toml", tmp_path / "messages" / "nudges" / "energiefonds.toml")
    card = (CLOSED_DESK / "card.toml").read_text(encoding="utf-8")

    def opened(status: str) -> Wording:
        text = card.replace('status = "suspended"', f'status = "{status}"')
        (tmp_path / "messages" / "services" / "energiefonds.toml").write_text(text, encoding="utf-8")
        return load(messages=tmp_path / "messages")

    return opened


def energy_fund(world: World) -> None:
    text = (CLOSED_DESK / "campaign.toml").read_text(encoding="utf-8")
    file = campaigns.read(text, world.wording)
    with world.sessions.begin() as session:
        campaigns.add(session, file, world.wording, by="eva", now=world.now)
        campaigns.approve(session, file.id, world.wording, by="sam", now=world.now)
        campaigns.start(session, file.id, world.wording, by="eva", now=world.now)


@pytest.fixture
def fund(sessions, desk, vault):
    """The fund is open, its campaign runs, and Anna chose money."""
    world = World(sessions, desk("published"), vault)
    energy_fund(world)
    world.joins(ANNA, "money")
    return world


def test_no_campaign_can_be_made_for_a_closed_desk(desk):
    text = (CLOSED_DESK / "campaign.toml").read_text(encoding="utf-8")

    with pytest.raises(FaultsError, match="is suspended; publish the card first"):
        campaigns.read(text, desk("suspended"))


def test_an_open_desk_is_written_about(fund):
    fund.signal(MOVED, in_days=0)

    assert len(fund.tick()) == 1


def test_nothing_is_planned_for_a_desk_that_closed(fund, desk):
    fund.journey.wording = desk("suspended")
    fund.signal(MOVED, in_days=0)

    assert fund.tick() == []
    assert fund.nudges() == []


def test_a_desk_that_closes_between_planning_and_leaving_takes_the_nudge_back(fund, desk):
    fund.now = datetime(2026, 11, 24, 20, 30, tzinfo=UTC)
    fund.signal(MOVED, in_days=0)
    fund.tick()
    assert [nudge.state for nudge in fund.nudges()] == ["due"]

    fund.journey.wording = desk("suspended")
    fund.now = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)

    assert fund.tick() == []
    assert [nudge.state for nudge in fund.nudges()] == ["withdrawn"]
    assert fund.outcomes() == [Reason.CAMPAIGN_NOT_RUNNING]


def test_a_desk_that_opens_again_does_not_send_what_was_taken_back(fund, desk):
    fund.now = datetime(2026, 11, 24, 20, 30, tzinfo=UTC)
    fund.signal(MOVED, in_days=0)
    fund.tick()
    fund.journey.wording = desk("suspended")
    fund.now = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)
    fund.tick()

    fund.journey.wording = fund.wording
    fund.now += timedelta(hours=1)

    assert fund.tick() == []


def test_who_taps_after_the_desk_closed_is_told_so(fund, desk):
    fund.signal(MOVED, in_days=0)
    fund.tick()
    fund.journey.wording = desk("suspended")

    fund.tap(ANNA, "Ja, vertel mij meer")

    assert fund.phones[ANNA].last.text == fund.wording.say("nudge.closed", "nl")
