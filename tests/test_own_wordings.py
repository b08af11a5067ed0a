"""Words that a campaign wrote for itself: checked, approved, sent and frozen as those in files are."""

import json
from datetime import UTC, date, datetime
from hashlib import sha256

import pytest
from sqlmodel import col, select

from bot import campaigns, wording
from bot.core.facts import Tone
from bot.errors import FaultsError, RefusedError
from bot.research.export import rows
from bot.store.tables import CampaignRow, DecisionRow, FrozenRow
from bot.wording import OwnWording, languages, own, with_own
from tests.world import World

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
SHIPPED = wording.load()
ANNA = "7918273645"
CAMPAIGN = "zorgtoeslag-deadline"
NAME = f"zorgtoeslag.{CAMPAIGN}.warm.1"
DUTCH = """
Goedendag, hier is de gemeente {municipality}. Misschien is er iets voor u.
Er is een toeslag voor de zorgverzekering. Wilt u er meer over lezen?
"""
ENGLISH = """
Hello, this is {municipality}. There may be something for you.
It is about your health insurance. Would you like to read more?
"""


def one(name=NAME, **text):
    return OwnWording(
        id=name, tone=name.split(".")[2], since=date(2026, 11, 24), text=text or {"nl": DUTCH, "en": ENGLISH}
    )


def definition(**changes):
    text = wording.data("messages").joinpath("campaigns", f"{CAMPAIGN}.toml").read_text(encoding="utf-8")
    file = campaigns.read(text, SHIPPED)
    return file.model_copy(update={"languages": ["nl", "en"], **changes})


def written(*wordings, **changes):
    """The campaign with words of its own, which are the only ones it chooses."""
    said = wordings or (one(),)
    chosen = [known.id for known in said]
    return campaigns.CampaignFile.model_validate(
        definition(variants=chosen).definition()
        | {"wordings": [known.model_dump(mode="json") for known in said]}
        | changes
    )


@pytest.fixture
def session(sessions):
    with sessions() as session:
        yield session


@pytest.fixture
def world(sessions, wording, vault):
    return World(sessions, wording, vault)


def runs(world, file):
    with world.sessions.begin() as session:
        campaigns.add(session, file, world.journey.wording, by="eva", now=world.now)
        campaigns.approve(session, file.id, world.journey.wording, by="sam", now=world.now)
        campaigns.start(session, file.id, world.journey.wording, by="eva", now=world.now)


# What it is.


def test_its_words_are_said_in_each_language_and_the_others_stay():
    said = with_own(SHIPPED, [one()])

    assert said.say(NAME, "nl").startswith("Goedendag, hier is de gemeente Voorbeeldstad")
    assert said.say(NAME, "en").startswith("Hello, this is Voorbeeldstad")
    assert said.variants[NAME].tone is Tone.WARM
    assert said.variants[NAME].languages == {"nl", "en"}
    assert said.say(NAME, "tr") == said.say(NAME, "nl")
    assert not said.speaks(NAME, "tr")
    assert {key: value for key, value in said.variants.items() if key != NAME} == dict(SHIPPED.variants)
    assert not SHIPPED.has(NAME)


def test_the_same_words_again_change_nothing_and_other_words_take_their_place():
    said = with_own(SHIPPED, [one()])

    assert with_own(said, [one()]) is said
    other = with_own(said, [one(nl=DUTCH)])
    assert other.variants[NAME].languages == {"nl"}
    assert other.wording_hash(NAME, "en") != said.wording_hash(NAME, "en")


def test_a_name_that_a_file_could_have_is_refused():
    for name in ("zorgtoeslag.warm.1", f"zorgtoeslag.{CAMPAIGN}.warm.0", f"Zorgtoeslag.{CAMPAIGN}.warm.1"):
        with pytest.raises(ValueError, match="id"):
            one(name)
    with pytest.raises(ValueError, match="but tone is"):
        OwnWording(id=NAME, tone="neutral", since=date(2026, 11, 24), text={})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ({"en": ENGLISH}, "no text in nl"),
        ({"nl": DUTCH}, "no text in en"),
        (
            {"nl": DUTCH, "en": ENGLISH.replace("{municipality}", "the town hall")},
            "only one of the Dutch and this text",
        ),
        ({"nl": DUTCH.replace("Misschien", "U moet. Misschien"), "en": ENGLISH}, "U kunt"),
        ({"nl": DUTCH + "{amount}", "en": ENGLISH + "{amount}"}, "cannot be filled in here"),
        ({"nl": DUTCH + " Er is nog meer te lezen." * 20, "en": ENGLISH}, "400 is the most"),
        ({"nl": DUTCH.replace("{municipality}", "Voorbeeldstad"), "en": ENGLISH.replace("{municipality}", "us")}, "X4"),
    ],
)
def test_words_that_break_a_rule_are_told_with_their_language(text, said):
    told = "; ".join(campaigns.misfits(written(one(**text)), SHIPPED))

    assert said in told
    assert NAME in told


def test_words_that_no_campaign_chooses_may_still_be_in_the_making():
    file = written(one(), one(f"zorgtoeslag.{CAMPAIGN}.neutral.1", nl="U moet."), variants=[NAME])

    assert list(campaigns.misfits(file, SHIPPED)) == []


def test_a_teaser_of_its_own_keeps_its_subject_to_itself():
    name = "aio.aio.warm.1"
    tell = "Goedendag, hier is {municipality}. Er is nieuws over AIO-aanvulling. Wilt u het lezen?"
    said = with_own(
        SHIPPED, [one(name, nl=tell), one("aio.aio.warm.2", nl=tell.replace("AIO-aanvulling", "uw onderwerp"))]
    )

    assert "X12" in {found.rule for found in own.look(said, name, "nl").findings}
    assert said.variants[name].languages == frozenset()
    assert said.variants["aio.aio.warm.2"].languages == {"nl"}


def test_a_suggestion_is_taken_over_in_the_text_as_it_was_written():
    said = with_own(SHIPPED, [one(nl="Hier is {municipality}: u moet bijv. lezen. Wilt u dat?")])
    form = said.sources[NAME].text
    found = {finding.matched: finding for finding in own.look(said, NAME, "nl").findings if finding.rewrite}

    assert own.mended(form, found["u moet"]) == form.replace("u moet", "u kunt")
    assert own.mended(form, found["bijv."]) == form.replace("bijv.", "bijvoorbeeld")


def test_another_campaign_can_neither_choose_it_nor_get_it_with_its_tone():
    said = with_own(SHIPPED, [one()])
    file = definition()
    text = wording.data("messages").joinpath("campaigns", f"{CAMPAIGN}.toml").read_text(encoding="utf-8")

    assert campaigns.read(text, said) == campaigns.read(text, SHIPPED)
    other = file.model_copy(update={"id": "another", "variants": [NAME]})
    assert "which this card has not" in "; ".join(campaigns.misfits(other, said))
    with pytest.raises(ValueError, match="a wording of this campaign is called"):
        campaigns.CampaignFile.model_validate(written().definition() | {"id": "another"})


def test_a_file_can_hold_them():
    text = wording.data("messages").joinpath("campaigns", f"{CAMPAIGN}.toml").read_text(encoding="utf-8")
    own_words = f"""
[[wordings]]
id = "{NAME}"
tone = "warm"
since = 2026-11-24
[wordings.text]
nl = '''{DUTCH}'''
en = '''{ENGLISH}'''
"""
    text = text.replace("variants = [", f'variants = ["{NAME}", ', 1)
    head = [line for line in text.splitlines() if not line.startswith("languages")]
    file = campaigns.read('languages = ["nl", "en"]\n' + "\n".join(head) + own_words, SHIPPED)

    assert file.wordings == (one(),)
    assert NAME in file.variants
    with pytest.raises(FaultsError):
        campaigns.read('languages = ["nl", "tr"]\n' + "\n".join(head) + own_words, SHIPPED)


# What an approval is about.


def test_a_campaign_without_words_of_its_own_keeps_the_hash_that_it_was_approved_with():
    file = definition(languages=["nl"])
    said = file.definition()
    keys = [*file.variants, *(f"card.zorgtoeslag.{part}" for part in ("name", "plain", "body"))]
    before = {
        "campaign": {name: said[name] for name in file.definition()},
        "card": SHIPPED.cards["zorgtoeslag"].model_dump(mode="json"),
        "wording": {key: {"nl": SHIPPED.wording_hash(key, "nl")} for key in keys},
        "days": [],
    }

    assert file.trigger.has_own_days or file.trigger.calendar is None
    assert "wordings" not in file.definition()
    assert campaigns.content_hash(file, SHIPPED) == sha256(json.dumps(before, sort_keys=True).encode()).hexdigest()
    assert campaigns.content_hash(file, with_own(SHIPPED, [one()])) == campaigns.content_hash(file, SHIPPED)


def test_an_approval_is_about_each_of_its_words_and_not_about_who_has_taken_them_up():
    file = written()
    said = with_own(SHIPPED, file.wordings)

    assert campaigns.content_hash(file, SHIPPED) == campaigns.content_hash(file, said)
    other = written(one(nl=DUTCH, en=ENGLISH.replace("Hello", "Good day")))
    assert campaigns.content_hash(other, SHIPPED) != campaigns.content_hash(file, SHIPPED)


def test_a_signature_under_a_translation_is_not_about_them():
    said = with_own(SHIPPED, [one()])

    assert languages.signature(said, "en") == languages.signature(SHIPPED, "en")
    assert said.checked(today=NOW.date()) == SHIPPED.checked(today=NOW.date())


# What becomes of them.


def test_they_are_sent_and_what_was_sent_stays_as_it_was(world):
    runs(world, written())
    world.joins(ANNA, "money")
    world.signal()

    [nudge] = world.tick()

    assert nudge.text.startswith("Goedendag, hier is de gemeente Voorbeeldstad. Misschien is er iets voor u.")
    assert [row.variant for row in world.nudges()] == [NAME]
    with world.sessions() as session:
        assert [(row.variant, row.language) for row in session.exec(select(FrozenRow))] == [(NAME, "nl")]
        decision = session.exec(select(DecisionRow).where(col(DecisionRow.variant) == NAME)).one()
        assert decision.tone == "warm"
        assert not world.journey.replay(decision.id).differences

    changed = written(one(nl=DUTCH.replace("Misschien", "Mogelijk"), en=ENGLISH))
    with world.sessions() as session, pytest.raises(RefusedError, match="were sent once"):
        campaigns.add(session, changed, world.journey.wording, by="eva", now=world.now)
    with world.sessions() as session, pytest.raises(RefusedError, match="were sent once"):
        campaigns.add(session, definition(), world.journey.wording, by="eva", now=world.now)
    # What nobody got yet may change, and new words come under a new name.
    english = written(one(nl=DUTCH, en=ENGLISH.replace("Hello", "Good day")), one(NAME.replace(".1", ".2")))
    with world.sessions.begin() as session:
        assert campaigns.add(session, english, world.journey.wording, by="eva", now=world.now).state == "draft"


def test_who_got_one_can_ask_why_and_gets_an_answer(world):
    file = written()
    runs(world, file)
    assert not world.journey.wording.has(NAME)
    assert world.journey.take_up()
    assert world.journey.wording.has(NAME)
    assert not world.journey.take_up()
    world.joins(ANNA, "money")
    world.signal()
    world.tick()

    world.choose(ANNA, "why")

    assert world.phones[ANNA].last.text.startswith(
        "Dit bericht is voor mensen die het onderwerp “Geld en wonen” kozen."
    )


def test_the_export_knows_its_tone():
    assert rows._of_tone({NAME: 0.25, "zorgtoeslag.warm.1": 0.5, "zorgtoeslag.neutral.1": 0.25}, Tone.WARM) == 0.75


def test_every_process_can_see_that_there_are_new_ones(session):
    assert campaigns.own_version(session) == ""
    campaigns.add(session, definition(), SHIPPED, by="eva", now=NOW)
    assert campaigns.own_version(session) == ""
    assert campaigns.own_wordings(session) == []
    campaigns.add(session, written(), SHIPPED, by="eva", now=NOW)

    first = campaigns.own_version(session)
    assert first
    assert campaigns.own_wordings(session) == [one()]
    row = session.get(CampaignRow, CAMPAIGN)
    assert campaigns.with_its_words(SHIPPED, [row]).has(NAME)
