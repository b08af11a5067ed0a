"""The step “message”: choosing wordings, adapting one, how it is checked, and a test to a chat of one's own."""

import re

import pytest
from sqlmodel import select

from bot import campaigns
from bot.campaigns import drafts, wordings
from bot.core.talk import Command
from bot.store.tables import AuditRow, CampaignDraftRow, FrozenRow, MessageRow
from bot.wording import OwnWording, data

CARD = "zorgtoeslag"
WARM = "zorgtoeslag.warm.1"
OWN = "zorgtoeslag.zorg.warm.1"
NEW = "Hier is {municipality}. Misschien is er iets voor u. Wilt u het lezen?"


@pytest.fixture
def begun(town):
    """Eva began the campaign “zorg” about healthcare allowance."""
    with town.sessions.begin() as session:
        drafts.begin(session, "Zorg", CARD, town.wording, by="eva", now=town.now)
    return town


def draft(town):
    with town.sessions() as session:
        return session.get(CampaignDraftRow, "zorg")


def step(town):
    return draft(town).content["message"]


def text_of(town, language="nl", name=OWN):
    return next(own.text.get(language) for own in wordings.own_of(draft(town)) if own.id == name)


def adapts(town, variant=WARM):
    eva = town.as_("eva")
    answer = eva.post("/campaigns/zorg/edit/message/adapt", variant=variant, seen=draft(town).version)
    assert answer.status_code == 200, answer.text
    return eva, answer


def area(page, language):
    """What stands in the field of this language."""
    found = re.search(rf'<textarea[^>]*id="text-{language}"[^>]*>(.*?)</textarea>', page, re.DOTALL)
    return found[1] if found else None


def test_every_wording_of_the_card_can_be_chosen_by_tone(begun):
    page = begun.as_("eva").get("/campaigns/zorg/edit/message").text

    for name, variant in begun.wording.variants.items():
        assert (f'value="{name}"' in page) == (variant.card == CARD)
    assert page.count("<fieldset") == 3
    answer = begun.as_("eva").post(
        "/campaigns/zorg/edit/message", seen=draft(begun).version, then="next", variants=[WARM, "aio.warm.1"]
    )
    assert answer.url.path.endswith("/edit/check")
    assert step(begun)["variants"] == [WARM]


def test_a_language_that_a_text_lacks_is_said_plainly(begun):
    eva, _ = adapts(begun)
    eva.post(f"/campaigns/zorg/edit/message/{OWN}", seen=draft(begun).version, then="save", text_nl=NEW, text_tr="")
    listed = eva.get("/campaigns/zorg/edit/message").text
    one = eva.get(f"/campaigns/zorg/edit/message/{OWN}").text

    assert "Not in every language:" in listed
    assert "people who read Turkish would not get it." in listed
    assert "There is no text in Turkish that could be sent." in one


def test_each_language_is_shown_as_a_phone_shows_it_by_the_bots_own_hand(begun):
    page = begun.as_("eva").get(f"/campaigns/zorg/edit/message/{WARM}").text
    said = begun.wording.say(WARM, "ar")

    assert f'<div class="bubble" lang="ar" dir="rtl">{said}</div>' in page
    assert f'<div class="bubble" lang="nl" dir="ltr">{begun.wording.say(WARM, "nl")}</div>' in page
    begun.campaign(variants=[WARM])
    begun.joins("1", "money", language="ar")
    begun.signal()
    [nudge] = begun.tick()
    assert nudge.text == said
    for button in nudge.buttons:
        assert f"<li>{button.text}</li>" in page
    assert "characters of 400" in page
    assert "<textarea" not in page


def test_adapting_copies_each_language_and_chooses_the_copy(begun):
    _, answer = adapts(begun)

    assert answer.url.path == f"/campaigns/zorg/edit/message/{OWN}"
    assert WARM not in step(begun)["variants"]
    assert OWN in step(begun)["variants"]
    [own] = wordings.own_of(draft(begun))
    for language in begun.wording.languages:
        assert own.text[language] == begun.wording.forms(WARM, language)[0].strip()
    again = begun.as_("eva").post("/campaigns/zorg/edit/message/adapt", variant=OWN, seen=draft(begun).version)
    assert again.url.path.endswith("zorgtoeslag.zorg.warm.2")


def test_what_is_ticked_is_saved_with_the_copy(begun):
    practical = "zorgtoeslag.practical.1"
    eva = begun.as_("eva")
    eva.post(
        "/campaigns/zorg/edit/message/adapt", variant=WARM, seen=draft(begun).version, listed="1",
        variants=[WARM, practical],
    )  # fmt: skip
    assert set(step(begun)["variants"]) == {OWN, practical}
    eva.post(f"/campaigns/zorg/edit/message/{OWN}/take-out", seen=draft(begun).version, variants=[OWN, WARM])
    assert step(begun)["variants"] == [WARM]


def test_what_is_typed_is_checked_without_being_kept(begun):
    eva, _ = adapts(begun)
    before = draft(begun).version
    part = eva.post(
        f"/campaigns/zorg/edit/message/{OWN}/check/nl", text_nl="Hier is {municipality}. U moet dit lezen. Wilt u het?"
    )

    assert part.status_code == 200
    assert "<html" not in part.text
    assert "Mend this" in part.text
    assert "u kunt" in part.text.lower()
    assert 'value="rewrite:nl:0"' in part.text
    assert draft(begun).version == before


def test_without_javascript_a_button_checks_and_nothing_typed_is_lost(begun):
    eva, _ = adapts(begun)
    page = eva.post(
        f"/campaigns/zorg/edit/message/{OWN}", then="check:nl", text_nl="U moet <b>dit</b> lezen.", text_en="Mine"
    ).text

    assert area(page, "nl") == "U moet &lt;b&gt;dit&lt;/b&gt; lezen."
    assert area(page, "en") == "Mine"
    assert "What you typed is not saved yet." in page
    assert "Mend this" in page
    assert text_of(begun) != "U moet <b>dit</b> lezen."


def test_one_press_takes_a_suggestion_over(begun):
    eva, _ = adapts(begun)
    typed = "Hier is {municipality}. U moet dit lezen. Wilt u het?"
    checked = eva.post(f"/campaigns/zorg/edit/message/{OWN}", then="check:nl", text_nl=typed).text
    press = re.search(r'value="(rewrite:nl:\d+)"', checked)[1]
    page = eva.post(f"/campaigns/zorg/edit/message/{OWN}", then=press, text_nl=typed).text

    assert area(page, "nl") == "Hier is {municipality}. U kunt dit lezen. Wilt u het?"
    assert "data-autofocus" in page
    gone = eva.post(f"/campaigns/zorg/edit/message/{OWN}", then="rewrite:nl:99", text_nl=typed).text
    assert area(gone, "nl") == typed


def test_what_is_saved_is_what_the_campaign_will_say(begun):
    eva, _ = adapts(begun)
    answer = eva.post(
        f"/campaigns/zorg/edit/message/{OWN}",
        then="back",
        seen=draft(begun).version,
        text_nl=NEW.replace(" ", "\r\n", 1),
    )

    assert answer.url.path == "/campaigns/zorg/edit/message"
    assert text_of(begun) == NEW.replace(" ", "\n", 1)
    assert text_of(begun, "en") == begun.wording.forms(WARM, "en")[0].strip()


def test_who_saved_in_between_is_named_and_nothing_typed_is_lost(begun):
    eva, _ = adapts(begun)
    seen = draft(begun).version
    with begun.sessions.begin() as session:
        row = drafts.found(session, "zorg", locked=True)
        content = wordings.rewritten(session, row, OWN, {"nl": "Van Bo."})
        drafts.save(session, "zorg", "message", content, seen=seen, by="bo", now=begun.now)
    answer = eva.post(f"/campaigns/zorg/edit/message/{OWN}", then="save", seen=seen, text_nl=NEW)

    assert answer.status_code == 422
    assert "bo saved this step" in answer.text
    assert area(answer.text, "nl") == NEW
    assert text_of(begun) == "Van Bo."
    again = eva.post(f"/campaigns/zorg/edit/message/{OWN}", then="save", seen=draft(begun).version, text_nl=NEW)
    assert again.status_code == 200
    assert text_of(begun) == NEW


def test_what_people_got_stays_and_cannot_be_taken_out(begun):
    eva, _ = adapts(begun)
    before = text_of(begun)
    with begun.sessions.begin() as session:
        session.add(FrozenRow(variant=OWN, language="nl", wording_hash="x", first_sent_at=begun.now))
    page = eva.get(f"/campaigns/zorg/edit/message/{OWN}").text
    assert re.search(r'id="text-nl"[^>]* readonly', page)
    eva.post(f"/campaigns/zorg/edit/message/{OWN}", then="save", seen=draft(begun).version, text_nl=NEW, text_en="Hi")
    assert text_of(begun) == before
    assert text_of(begun, "en") == "Hi"

    refused = eva.post(f"/campaigns/zorg/edit/message/{OWN}/take-out", seen=draft(begun).version)
    assert refused.status_code == 409
    assert "was sent to people before" in refused.text
    assert adapts(begun)[1].url.path.endswith("zorgtoeslag.zorg.warm.2")


def test_a_copy_that_nobody_got_is_taken_out(begun):
    eva, _ = adapts(begun)
    eva.post(f"/campaigns/zorg/edit/message/{OWN}/take-out", seen=draft(begun).version)

    assert step(begun)["wordings"] == []
    assert OWN not in step(begun)["variants"]
    assert eva.get(f"/campaigns/zorg/edit/message/{OWN}").status_code == 409


def test_a_teaser_is_explained_and_keeps_its_subject(town):
    with town.sessions.begin() as session:
        drafts.begin(session, "Zorg", "aio", town.wording, by="eva", now=town.now)
    eva = town.as_("eva")
    assert "keeps the subject to itself" in eva.get("/campaigns/zorg/edit/message").text
    eva.post("/campaigns/zorg/edit/message/adapt", variant="aio.warm.1", seen=1)
    part = eva.post(
        "/campaigns/zorg/edit/message/aio.zorg.warm.1/check/nl",
        text_nl="Hier is {municipality}. Nieuws over de AIO-aanvulling. Wilt u het lezen?",
    )
    assert "X12" in part.text


# A chat of one's own.


def links_chat(town, browser, chat="555"):
    page = browser.post("/profile/chat").text
    code = re.search(r"/start (T[A-Z2-9]{4}-[A-Z2-9]{8})", page)[1]
    town.hear(chat, Command("start", code))
    return page


def test_a_chat_is_linked_by_a_code_that_is_shown_once(begun):
    eva = begun.as_("eva")
    assert "Link my chat" in eva.get("/profile").text
    links_chat(begun, eva)

    page = eva.get("/profile").text
    assert "A chat is linked" in page
    assert "/start T" not in page
    assert "Your chat is unlinked" in eva.post("/profile/chat/unlink").text
    assert "Link my chat" in eva.get("/profile").text


def test_a_text_goes_to_ones_own_chat_and_the_page_says_so(begun):
    eva, _ = adapts(begun)
    assert "Send this to my chat" not in eva.get(f"/campaigns/zorg/edit/message/{WARM}").text
    links_chat(begun, eva)
    page = eva.post("/campaigns/zorg/test", variant=WARM, language="ar", back="message")
    assert page.url.path.endswith(WARM)
    assert "on its way to your own chat" in page.text
    [sent] = begun.deliver()
    assert sent.text.endswith(begun.wording.say(WARM, "ar"))

    eva.post(f"/campaigns/zorg/edit/message/{OWN}", then="test:nl", seen=draft(begun).version, text_nl=NEW)
    [sent] = begun.deliver()
    assert sent.text.endswith(NEW.format(municipality="Voorbeeldstad"))
    with begun.sessions() as session:
        trail = [(line.who, line.subject) for line in session.exec(select(AuditRow)) if line.action == "campaign.test"]
    assert trail == [("eva", WARM), ("eva", OWN)]


def test_what_is_approved_can_be_tried_by_who_approves(begun):
    campaign = begun.campaign()
    sam = begun.as_("sam")
    links_chat(begun, sam)
    page = sam.post(f"/campaigns/{campaign}/test", variant=WARM, language="nl")

    assert page.status_code == 200
    assert len(begun.deliver()) == 1


def test_who_approves_tries_the_words_that_are_to_be_approved_and_not_those_of_a_newer_draft(begun):
    file = campaigns.file_of(_row(begun))
    name = f"zorgtoeslag.{file.id}.warm.1"
    own = OwnWording(id=name, tone="warm", since=begun.now.date(), text={"nl": NEW})
    file = file.model_copy(update={"variants": [name], "languages": ["nl"], "wordings": (own,)})
    with begun.sessions.begin() as session:
        campaigns.add(session, file, begun.wording, by="eva", now=begun.now)
        row = drafts.edit(session, file.id, by="eva", now=begun.now)
        newer = wordings.rewritten(session, row, name, {"nl": NEW.replace("Misschien", "Mogelijk")})
        drafts.save(session, file.id, "message", newer, seen=row.version, by="eva", now=begun.now)
    sam, eva = begun.as_("sam"), begun.as_("eva")
    links_chat(begun, sam)
    links_chat(begun, eva, "556")

    sam.post(f"/campaigns/{file.id}/test", variant=name, language="nl")
    [sent] = begun.deliver()
    assert sent.text.endswith(NEW.format(municipality="Voorbeeldstad"))
    eva.post(f"/campaigns/{file.id}/test", variant=name, language="nl", back="message")
    [sent] = begun.deliver()
    assert "Mogelijk" in sent.text


def test_what_another_campaign_wrote_for_itself_is_not_opened_here(begun):
    adapts(begun)
    with begun.sessions.begin() as session:
        drafts.begin(session, "Andere", CARD, begun.wording, by="eva", now=begun.now)
    begun.journey.wording = wordings.wording_of(draft(begun), begun.wording)

    eva = begun.as_("eva")
    assert OWN not in eva.get("/campaigns/andere/edit/message").text
    assert eva.get(f"/campaigns/andere/edit/message/{OWN}").status_code == 409
    refused = eva.post("/campaigns/andere/edit/message/adapt", variant=OWN, seen=1)
    assert "is no wording of this campaign" in refused.text


def test_without_a_chat_and_after_ten_it_is_refused_in_words(begun):
    eva = begun.as_("eva")
    refused = eva.post("/campaigns/zorg/test", variant=WARM, language="nl", back="message")
    assert refused.status_code == 409
    assert "No chat of yours is linked" in refused.text
    links_chat(begun, eva)
    for _ in range(10):
        eva.post("/campaigns/zorg/test", follow=False, variant=WARM, language="nl", back="message")
    refused = eva.post("/campaigns/zorg/test", variant=WARM, language="nl", back="message")
    assert "You sent 10 tests in the last hour" in refused.text


def test_a_refused_test_keeps_what_was_typed_and_saves_nothing(begun):
    eva, _ = adapts(begun)
    before = text_of(begun)
    page = eva.post(f"/campaigns/zorg/edit/message/{OWN}", then="test:nl", seen=draft(begun).version, text_nl=NEW)

    assert page.status_code == 422
    assert area(page.text, "nl") == NEW
    assert text_of(begun) == before
    with begun.sessions() as session:
        assert session.exec(select(MessageRow)).all() == []


def test_an_adapted_text_goes_all_the_way_to_a_citizen(begun):
    eva, _ = adapts(begun)
    with begun.sessions.begin() as session:
        row = drafts.found(session, "zorg", locked=True)
        file = campaigns.file_of(_row(begun))
        content = campaigns.filled.content_of(file)
        for part in ("audience", "schedule"):
            drafts.save(session, "zorg", part, content[part], seen=row.version, by="eva", now=begun.now)
    eva.post("/campaigns/zorg/edit/message", seen=draft(begun).version, variants=[OWN])
    eva.post(
        f"/campaigns/zorg/edit/message/{OWN}", then="save", seen=draft(begun).version,
        **{f"text_{language}": begun.wording.forms(WARM, language)[0].strip() for language in begun.wording.languages
           if language != "nl"}, text_nl=NEW,
    )  # fmt: skip
    with begun.sessions.begin() as session:
        drafts.finish(session, "zorg", begun.wording, by="eva", now=begun.now)
        campaigns.approve(session, "zorg", begun.wording, by="sam", now=begun.now)
        campaigns.start(session, "zorg", begun.wording, by="eva", now=begun.now)
    begun.joins("77", "money")
    begun.signal()

    [nudge] = begun.tick()
    assert nudge.text == NEW.format(municipality="Voorbeeldstad")


def _row(town):
    """An example campaign as a row, to fill in the other steps from."""
    text = data("messages") / "campaigns" / "zorgtoeslag-deadline.toml"
    return campaigns.row_of(campaigns.read(text.read_text(encoding="utf-8"), town.wording), town.wording, town.now)
