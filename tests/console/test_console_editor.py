"""Making a campaign in steps: with gaps, by two at once, until it is one."""

import re

import pytest
from sqlmodel import col, select

from bot import campaigns
from bot.campaigns import drafts, funnel
from bot.store import ledger
from bot.store.tables import AuditRow, CampaignDraftRow, CampaignRow

PASS_YEAR = "nl.kalenders.pasjaar-begint.v1"
MOVED = "nl.inwonersituaties.verhuisd-gemeld.v1"
AUDIENCE = {"languages": ["nl", "en"], "signals": [MOVED]}
SCHEDULE = {
    "when": "yearly", "calendar": PASS_YEAR, "month": "1", "day": "1", "first": "2026-12-01", "until": "2027-03-01",
    "hourly_maximum": "120", "learning": "fixed",
}  # fmt: skip


def begun(town, login="eva", title="De pas in het nieuwe jaar", card="stadspas"):
    browser = town.as_(login)
    page = browser.post("/campaigns/new", title=title, card=card)
    assert page.status_code == 200, page.text
    return browser, re.search(r"/campaigns/([a-z0-9-]+)/edit/card", page.text).group(1)


def seen(page):
    return re.search(r'name="seen" value="(\d+)"', page.text).group(1)


def filled(town, browser, campaign):
    """Every step, as somebody would go through it."""
    at = f"/campaigns/{campaign}/edit"
    for step, values in (("audience", AUDIENCE), ("schedule", SCHEDULE)):
        page = browser.get(f"{at}/{step}")
        page = browser.post(f"{at}/{step}", seen=seen(page), then="stay", **values)
        assert page.status_code == 200
    return page


def draft(town, campaign):
    with town.sessions() as session:
        return session.get(CampaignDraftRow, campaign)


def campaign_row(town, campaign):
    with town.sessions() as session:
        return session.get(CampaignRow, campaign)


def deeds(town):
    with town.sessions() as session:
        rows = session.exec(select(AuditRow).order_by(col(AuditRow.id))).all()
        return [(row.who, row.action, row.subject) for row in rows if row.action.startswith(("campaign", "person"))]


def test_a_campaign_is_made_in_steps_and_handed_over_with_its_funnel(town):
    town.joins("111", "free-time")
    eva, campaign = begun(town)
    assert campaign == "de-pas-in-het-nieuwe-jaar"
    page = filled(town, eva, campaign)
    assert "Nothing is missing" in page.text

    page = eva.post(f"/campaigns/{campaign}/edit/finish", hand_over="1")

    row = campaign_row(town, campaign)
    assert (row.state, row.handed_over_by) == ("draft", "eva")
    file = campaigns.file_of(row)
    assert (file.languages, file.hourly_maximum, file.trigger.yearly.month) == (["nl", "en"], 120, 1)
    assert draft(town, campaign) is None
    with town.sessions() as session:
        kept = funnel.frozen(session, campaign)
        assert ledger.editors(session, [campaign])[campaign] == {"eva"}
    assert (kept.people, kept.reached, kept.content_hash) == (1, 1, campaigns.content_hash(file, town.wording))
    assert [action for _, action, _ in deeds(town)] == [
        "campaign.draft", "campaign.draft_save", "campaign.draft_save", "campaign.add", "campaign.hand_over",
    ]  # fmt: skip
    assert "handed over" in page.text


def test_going_on_with_gaps_is_fine_and_the_list_says_what_is_missing_where(town):
    eva, campaign = begun(town)
    page = eva.get(f"/campaigns/{campaign}/edit/schedule")

    assert "Nothing sets it off yet" in page.text
    assert "Choose the first day" in page.text
    assert f'href="/campaigns/{campaign}/edit/schedule">When</a>: Say how many messages may leave' in page.text
    assert "Finish and hand over" not in eva.get(f"/campaigns/{campaign}/edit/check").text
    refused = eva.post(f"/campaigns/{campaign}/edit/finish")
    assert refused.status_code == 422
    assert "There is something to mend" in refused.text
    assert campaign_row(town, campaign) is None


def test_finishing_at_the_last_step_saves_what_was_typed_first(town):
    eva, campaign = begun(town)
    at = f"/campaigns/{campaign}/edit/schedule"
    page = eva.post(at, seen=seen(eva.get(at)), then="hand_over", **SCHEDULE | {"until": "2026-01-01"})
    assert page.status_code == 422
    assert "The last day is before the first" in page.text
    assert draft(town, campaign).content["schedule"]["hourly_maximum"] == "120"

    page = eva.post(at, seen=seen(page), then="hand_over", **SCHEDULE)

    assert "It is handed over" in page.text
    assert campaign_row(town, campaign).handed_over_by == "eva"


def test_at_the_check_a_whole_campaign_can_be_finished(town):
    eva, campaign = begun(town)
    filled(town, eva, campaign)

    assert "Finish and hand over" in eva.get(f"/campaigns/{campaign}/edit/check").text
    eva.post(f"/campaigns/{campaign}/edit/finish")
    assert campaign_row(town, campaign).handed_over_by is None


def test_what_was_typed_is_shown_again_however_odd(town):
    eva, campaign = begun(town)
    at = f"/campaigns/{campaign}/edit/schedule"
    odd = SCHEDULE | {"hourly_maximum": "veel", "first": "morgen", "waves": "99", "days_between": "0"}
    page = eva.post(at, seen=seen(eva.get(at)), then="stay", **odd)

    for typed in ("veel", "morgen", "99"):
        assert f'value="{typed}"' in page.text
    for told in ("number from 1 to 100,000", "“morgen” is no date", "Give 2 to 12 waves"):
        assert told in page.text


def test_two_who_save_the_same_step_the_later_is_told_and_loses_nothing(town):
    eva, campaign = begun(town)
    with town.sessions.begin() as session:
        from bot import staff

        both = staff.NewStaff(login="bas", name="Bas", roles=["editor"], language="en")
        staff.add(session, both, staff_id="bas", by="setup", now=town.now)
    bas = eva_like(town, "bas")
    at = f"/campaigns/{campaign}/edit/audience"
    evas, bass = seen(eva.get(at)), seen(bas.get(at))
    assert bas.post(at, seen=bass, then="stay", languages=["nl", "ar"]).status_code == 200

    late = eva.post(at, seen=evas, then="stay", languages=["en"], linked_only="true")

    assert late.status_code == 409
    assert "Bas saved this step" in late.text
    assert "Dutch, Arabic" in late.text
    assert re.search(r'value="en" checked', late.text)
    assert not re.search(r'value="ar" checked', late.text)
    assert draft(town, campaign).content["audience"]["languages"] == ["nl", "ar"]
    again = eva.post(at, seen=seen(late), then="stay", languages=["en"], linked_only="true")
    assert again.status_code == 200
    assert draft(town, campaign).content["audience"]["languages"] == ["en"]


def eva_like(town, login):
    """The browser of an editor who is none of the demo's people."""
    from bot.console.desk import COOKIE
    from bot.staff import known_as, open_session

    with town.sessions.begin() as session:
        open_session(session, known_as(session, login), f"token-of-{login}-{'x' * 20}", town.now)
    browser = town.browser()
    browser.cookies[COOKIE] = f"token-of-{login}-{'x' * 20}"
    return browser


def test_two_who_save_different_steps_do_not_stand_in_each_others_way(town):
    eva, campaign = begun(town)
    with town.sessions.begin() as session:
        drafts.save(session, campaign, "schedule", SCHEDULE, seen=1, by="bas", now=town.now)

    page = eva.post(f"/campaigns/{campaign}/edit/audience", seen="1", then="stay", **AUDIENCE)

    assert page.status_code == 200
    assert draft(town, campaign).content["schedule"]["hourly_maximum"] == "120"
    finished = eva.post(f"/campaigns/{campaign}/edit/finish")
    assert finished.status_code == 200
    with town.sessions() as session:
        assert ledger.editors(session, [campaign])[campaign] == {"eva", "bas"}


def test_whoever_saved_a_part_cannot_approve_the_whole(town):
    eva, campaign = begun(town)
    filled(town, eva, campaign)
    with town.sessions.begin() as session:
        values = draft(town, campaign).content["card"] | {"title": "Een andere naam"}
        drafts.save(session, campaign, "card", values, seen=99, by="sam", now=town.now)
    eva.post(f"/campaigns/{campaign}/edit/finish", hand_over="1")

    refused = town.as_("sam").post(f"/campaigns/{campaign}/approve")

    assert refused.status_code in {409, 422}
    assert campaign_row(town, campaign).approved_by is None


def test_a_change_of_a_running_campaign_leaves_it_alone_until_it_is_finished(town):
    campaign = town.campaign("stadspas")
    eva = town.as_("eva")
    assert "it goes on sending meanwhile" in eva.get(f"/campaigns/{campaign}/edit").text
    page = eva.post(f"/campaigns/{campaign}/edit")
    values = draft(town, campaign).content["schedule"] | {"hourly_maximum": "77"}
    eva.post(f"/campaigns/{campaign}/edit/schedule", seen=seen(page), then="stay", **values)
    assert campaign_row(town, campaign).state == "running"

    eva.post(f"/campaigns/{campaign}/edit/finish")

    row = campaign_row(town, campaign)
    assert (row.state, row.approved_by, row.definition["hourly_maximum"]) == ("draft", None, 77)


def test_a_draft_of_a_campaign_that_changed_itself_is_not_put_over_it_unseen(town):
    campaign = town.campaign("stadspas")
    eva = town.as_("eva")
    eva.post(f"/campaigns/{campaign}/edit")
    with town.sessions.begin() as session:
        file = campaigns.file_of(campaigns.known(session, campaign)).model_copy(update={"hourly_maximum": 9})
        campaigns.add(session, file, town.wording, by="cli-carla", now=town.now)

    refused = eva.post(f"/campaigns/{campaign}/edit/finish")
    assert refused.status_code == 409
    assert "cli-carla changed" in refused.text
    assert campaign_row(town, campaign).definition["hourly_maximum"] == 9
    assert eva.post(f"/campaigns/{campaign}/edit/finish", over="1").status_code == 200
    assert campaign_row(town, campaign).definition["hourly_maximum"] == 300


def test_a_copy_has_a_name_and_days_of_its_own(town):
    campaign = town.campaign("stadspas")
    page = town.as_("eva").post(f"/campaigns/{campaign}/duplicate", title="Stadspas opnieuw")

    copy = draft(town, "stadspas-opnieuw")
    assert copy.content["audience"]["signals"] == list(campaigns.file_of(campaign_row(town, campaign)).trigger.signals)
    assert copy.content["schedule"]["first"] == ""
    assert "days have to be chosen anew" in page.text


def test_a_draft_that_is_thrown_away_is_gone_and_the_campaign_stays(town):
    campaign = town.campaign("stadspas")
    eva = town.as_("eva")
    eva.post(f"/campaigns/{campaign}/edit")
    page = eva.post(f"/campaigns/{campaign}/edit/discard")

    assert "thrown away" in page.text
    assert draft(town, campaign) is None
    assert campaign_row(town, campaign).state == "running"
    assert eva.get(f"/campaigns/{campaign}/edit/audience").status_code == 409


def test_the_check_answers_at_once_and_counts_when_asked(town):
    for chat in ("111", "222"):
        town.joins(chat, "free-time")
    town.joins("333", "money")
    eva, campaign = begun(town)
    filled(town, eva, campaign)
    at = f"/campaigns/{campaign}/edit/check"

    plain = eva.get(at)
    assert "did not say yes to the theme" not in plain.text
    assert f'hx-get="{at}/numbers?kind="' in plain.text
    assert f'href="{at}/numbers?kind="' in plain.text, "without JavaScript too"
    part = eva.get(f"{at}/numbers", headers={"hx-request": "true"})
    assert "<html" not in part.text
    whole = eva.get(f"{at}/numbers")
    for page in (part, whole):
        assert re.search(r"&lt; 10</span> of &lt; 10 people could get it", page.text)
        assert "did not say yes to the theme" in page.text
        assert "An assumption" in page.text
    assert "Why not this person?" in whole.text


def test_the_check_says_what_is_in_the_way_of_counting(town):
    eva, campaign = begun(town)
    at = f"/campaigns/{campaign}/edit"
    assert "the usual value stands in" in eva.get(f"{at}/check/numbers").text
    never = SCHEDULE | {"first": "2027-05-01", "until": "2027-06-01"}
    eva.post(f"{at}/schedule", seen=seen(eva.get(f"{at}/schedule")), then="stay", **never)

    page = eva.get(f"{at}/check/numbers")

    assert page.status_code == 200
    assert "never come within its period" in page.text


def test_why_not_this_person_is_answered_by_code_and_kept_in_the_trail(town):
    from bot import mydata

    town.joins("111", "money")
    town.joins("222", "free-time", code=town.code_for("brief-7"))
    eva, campaign = begun(town)
    filled(town, eva, campaign)
    code = mydata.code_of(town.vault, town.citizen("111").id)
    at = f"/campaigns/{campaign}/edit/check/person"

    assert "did not say yes to the theme" in eva.post(at, code=f" {code.lower()} ").text
    assert "brief-7 could get it" in eva.post(at, code="brief-7").text
    nobody = eva.post(at, code="ABCD-EFGH")
    assert nobody.status_code == 422
    assert "We keep nothing of such a person" in nobody.text
    assert 'value="ABCD-EFGH"' in nobody.text
    looked = [(who, subject) for who, action, subject in deeds(town) if action == "person.preview"]
    assert looked == [("eva", town.citizen("111").id), ("eva", town.citizen("222").id)]


def test_exclusions_are_said_in_words_before_any_number(town):
    eva, campaign = begun(town)
    at = f"/campaigns/{campaign}/edit/audience"
    page = eva.post(at, seen=seen(eva.get(at)), then="stay", languages=["nl"], situations=["moved"], linked_only="true")

    for said in (
        "said yes to the theme “Vrije tijd”", "People who stopped", "in another language than: Dutch",
        "never used a code", "“Ik ben verhuisd”", "in the last 365 days", "2 times in the last year",
        "in quiet hours",
    ):  # fmt: skip
        assert said in page.text, said


def test_only_what_the_card_answers_can_be_asked_for(town):
    eva, campaign = begun(town)
    page = eva.get(f"/campaigns/{campaign}/edit/audience")

    assert 'value="moved"' in page.text
    assert 'value="baby"' not in page.text
    odd = eva.post(f"/campaigns/{campaign}/edit/audience", seen=seen(page), then="stay", **AUDIENCE,
                   situations=["baby"])  # fmt: skip
    eva.post(f"/campaigns/{campaign}/edit/schedule", seen=seen(odd), then="stay", **SCHEDULE)
    page = eva.get(f"/campaigns/{campaign}/edit/audience")
    assert "people did not tell for this card" in page.text


def test_the_determinations_of_ap24_are_in_view(town):
    eva, campaign = begun(town)
    page = eva.get(f"/campaigns/{campaign}/edit/card")

    for said in ("AP24-1", "AP24-2", "AP24-3", "AP24-4", "AP24-5", "The weighing", "iemand woont hier pas"):
        assert said in page.text


@pytest.mark.parametrize("login", ["sam", "mei", "rik", "ada", "otto"])
def test_only_editors_write(town, login):
    _, campaign = begun(town)
    browser = town.as_(login)

    assert browser.get(f"/campaigns/{campaign}/edit/card").status_code == 403
    assert browser.post("/campaigns/new", title="Iets", card="stadspas").status_code == 403
    assert "Being written" not in browser.get("/campaigns").text


def test_what_is_being_written_stands_above_the_list(town):
    eva, campaign = begun(town)
    page = eva.get("/campaigns")

    assert "Being written" in page.text
    assert f'href="/campaigns/{campaign}/edit/card"' in page.text


@pytest.mark.parametrize(
    ("title", "name"),
    [("Één pas, één stad!", "een-pas-een-stad"), ("new", "new-2"), ("؟", None), ("x" * 90, "x" * 36)],
)
def test_the_short_name_is_made_from_the_title(town, title, name):
    with town.sessions() as session:
        assert drafts.new_id(session, title) == (name or "campagne")
        session.rollback()


def test_a_new_campaign_needs_a_name_and_a_card_and_keeps_what_was_typed(town):
    eva = town.as_("eva")
    page = eva.post("/campaigns/new", title="Mijn campagne", card="")

    assert page.status_code == 422
    assert "Choose the card that it is about" in page.text
    assert 'value="Mijn campagne"' in page.text
