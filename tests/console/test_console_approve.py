"""Approving in the browser: by whom, what is looked at, and what becomes of a campaign that is sent back."""

import re

import pytest
from sqlmodel import select

from bot import campaigns
from bot.campaigns import State
from bot.console import sentences
from bot.store import ledger
from bot.store.tables import AuditRow, CampaignFunnelRow, CampaignRow
from bot.wording import data

NAME = "zorgtoeslag-deadline"


def draft(town, *, by="eva", **changes):
    text = (data("messages") / "campaigns" / f"{NAME}.toml").read_text(encoding="utf-8")
    file = campaigns.read(text, town.wording).model_copy(update=changes)
    with town.sessions.begin() as session:
        campaigns.add(session, file, town.wording, by=by, now=town.now)
    return file


def row(town):
    with town.sessions() as session:
        return session.get_one(CampaignRow, NAME)


def seen(page):
    return re.search(r'name="seen" value="([0-9a-f]{64})"', page.text)[1]


def test_two_people_bring_a_campaign_from_draft_to_running(town):
    draft(town)
    eva, sam = town.as_("eva"), town.as_("sam")

    handed = eva.post(f"/campaigns/{NAME}/hand-over")
    assert "Whoever approves sees it on their home page" in handed.text
    assert f"/campaigns/{NAME}/approve" in sam.get("/").text
    page = sam.get(f"/campaigns/{NAME}/approve")
    assert "everything is new" in page.text
    approved = sam.post(f"/campaigns/{NAME}/approve", seen=seen(page))
    assert "You approved it" in approved.text
    eva.post(f"/campaigns/{NAME}/start")

    assert (row(town).state, row(town).approved_by) == (State.RUNNING, "sam")


def test_handing_over_keeps_the_funnel_and_the_approver_sees_what_drifted(town):
    draft(town)
    for number in range(12):
        town.joins(str(500 + number), "money", language="nl")
    town.as_("eva").post(f"/campaigns/{NAME}/hand-over")
    with town.sessions() as session:
        [kept] = session.exec(select(CampaignFunnelRow)).all()
    assert (kept.reached, kept.by, kept.content_hash) == (12, "eva", campaigns.hash_of(row(town), town.wording))
    town.say("500", "/stop")

    sam = town.as_("sam")
    before, after = sam.get(f"/campaigns/{NAME}/approve"), sam.get(f"/campaigns/{NAME}/approve?count=now")

    assert "12 people could get it" in before.text
    assert "Counted now" not in before.text
    assert "Counted now: 11 people could get it." in after.text
    assert "That is 1 fewer than then." in after.text


def test_a_number_under_ten_is_not_told_anywhere_on_the_page(town):
    draft(town)
    for number in range(3):
        town.joins(str(500 + number), "money", language="nl")
    town.as_("eva").post(f"/campaigns/{NAME}/hand-over")

    page = town.as_("sam").get(f"/campaigns/{NAME}/approve?count=now").text

    people = page[page.index('id="people"') :]
    people = people[: people.index("</section>")]
    assert "&lt; 10" in people
    assert not re.search(r">\s*3\s*<|\b3 people", people)


def test_whoever_wrote_it_reads_in_words_why_there_is_no_button(town):
    draft(town, by="sam")
    sam = town.as_("sam")

    page = sam.get(f"/campaigns/{NAME}/approve")
    refused = sam.post(f"/campaigns/{NAME}/approve", seen=campaigns.hash_of(row(town), town.wording))
    back = sam.post(f"/campaigns/{NAME}/send-back", because="Nee", seen=campaigns.hash_of(row(town), town.wording))

    assert "There is no button here, because you wrote or changed this campaign" in page.text
    assert f'action="/campaigns/{NAME}/approve"' not in page.text.replace('method="get"', "")
    assert refused.status_code == back.status_code == 422
    assert "Somebody who did not must" in refused.text
    assert row(town).state == State.DRAFT
    assert row(town).returned_at is None


def test_an_approver_who_looked_at_another_version_is_shown_the_one_of_now(town):
    draft(town)
    sam = town.as_("sam")
    old = seen(sam.get(f"/campaigns/{NAME}/approve"))
    draft(town, hourly_maximum=7)

    answer = sam.post(f"/campaigns/{NAME}/approve", seen=old)

    assert answer.status_code == 422
    assert "changed while you looked at it" in answer.text
    assert row(town).approved_hash is None
    assert sam.post(f"/campaigns/{NAME}/approve", seen=seen(answer)).status_code == 200
    assert row(town).state == State.APPROVED


@pytest.mark.parametrize("form", [{}, {"seen": ""}, {"seen": "0" * 64}])
def test_an_approval_without_the_version_that_was_looked_at_is_none(town, form):
    draft(town)
    assert town.as_("sam").post(f"/campaigns/{NAME}/approve", **form).status_code == 422
    assert row(town).approved_hash is None


def test_what_is_sent_back_tells_its_editor_why_at_home_and_on_its_page(town):
    draft(town)
    eva, sam = town.as_("eva"), town.as_("sam")
    eva.post(f"/campaigns/{NAME}/hand-over")
    version = seen(sam.get(f"/campaigns/{NAME}/approve"))

    empty = sam.post(f"/campaigns/{NAME}/send-back", because=" ", seen=version)
    assert empty.status_code == 422
    assert "Say what has to change" in empty.text
    sam.post(f"/campaigns/{NAME}/send-back", because="The Polish is <wrong>.", seen=version)

    for page in (eva.get("/"), eva.get(f"/campaigns/{NAME}")):
        assert "The Polish is &lt;wrong&gt;." in page.text
    assert "Sent back to you" in eva.get("/").text
    assert f"/campaigns/{NAME}/approve" not in sam.get("/").text
    assert row(town).state == State.DRAFT


def test_what_somebody_typed_is_shown_again_when_it_was_refused(town):
    draft(town)
    sam = town.as_("sam")
    answer = sam.post(f"/campaigns/{NAME}/send-back", because="A long reason & more", seen="0" * 64)
    assert answer.status_code == 422
    assert "A long reason &amp; more</textarea>" in answer.text


def test_the_differences_from_the_last_approval_are_marked_word_by_word(town):
    file = draft(town)
    sam = town.as_("sam")
    sam.post(f"/campaigns/{NAME}/approve", seen=seen(sam.get(f"/campaigns/{NAME}/approve")))
    draft(town, title=f"{file.title} once more", hourly_maximum=file.hourly_maximum + 1)
    town.now = town.now.replace(minute=30)

    page = sam.get(f"/campaigns/{NAME}/approve").text

    assert "Beside what Sam approved on" in page
    assert re.search(rf"<del><span class=\"hidden\">gone: </span>{file.hourly_maximum}</del>", page)
    assert re.search(rf"<ins><span class=\"hidden\">new: </span>{file.hourly_maximum + 1}</ins>", page)
    assert "everything is new" not in page
    assert "It changed since Sam approved it" in town.as_("eva").get(f"/campaigns/{NAME}").text


def test_an_approval_shows_every_text_in_every_language_and_what_the_card_settles(town):
    file = draft(town)
    page = town.as_("sam").get(f"/campaigns/{NAME}/approve").text

    for variant in file.variants:
        assert variant in page
    for language in file.languages:
        assert page.count(f'class="bubble" lang="{language}"') == len(file.variants)
    card = town.wording.cards[file.card]
    for settled in (card.weighing.because, card.weighing.need, card.wanted.groups[0], card.providers[0].name):
        assert str(settled) in page.replace("&#39;", "'").replace("&amp;", "&")


def test_there_is_nothing_to_approve_twice(town):
    draft(town)
    sam = town.as_("sam")
    version = seen(sam.get(f"/campaigns/{NAME}/approve"))
    sam.post(f"/campaigns/{NAME}/approve", seen=version)

    again = sam.get(f"/campaigns/{NAME}/approve")

    assert "approved it as it reads now" in again.text
    assert 'name="seen"' not in again.text
    assert sam.post(f"/campaigns/{NAME}/approve", seen=version).status_code == 422


def test_taking_it_back_takes_it_from_the_approvers_home(town):
    draft(town)
    eva, sam = town.as_("eva"), town.as_("sam")
    eva.post(f"/campaigns/{NAME}/hand-over")
    eva.post(f"/campaigns/{NAME}/take-back")
    assert f"/campaigns/{NAME}/approve" not in sam.get("/").text
    assert "Not handed over yet" in eva.get("/").text


def test_a_campaign_that_is_not_there_is_said_to_be_not_there(town):
    sam, eva = town.as_("sam"), town.as_("eva")
    assert sam.get("/campaigns/nergens/approve").status_code == 409
    assert sam.post("/campaigns/nergens/approve", seen="0" * 64).status_code == 409
    assert eva.post("/campaigns/nergens/hand-over").status_code == 409


def test_each_of_these_deeds_is_in_the_audit_trail_under_its_own_sentence(town):
    draft(town)
    eva, sam = town.as_("eva"), town.as_("sam")
    eva.post(f"/campaigns/{NAME}/hand-over")
    eva.post(f"/campaigns/{NAME}/take-back")
    eva.post(f"/campaigns/{NAME}/hand-over")
    version = seen(sam.get(f"/campaigns/{NAME}/approve"))
    sam.post(f"/campaigns/{NAME}/send-back", because="Nog eens", seen=version)
    eva.post(f"/campaigns/{NAME}/hand-over")
    sam.post(f"/campaigns/{NAME}/approve", seen=version)

    with town.sessions() as session:
        asked = select(AuditRow).where(AuditRow.subject == NAME).order_by(AuditRow.id)
        rows = [(deed.who, deed.action) for deed in session.exec(asked)]
        assert ledger.verify(session).faults == ()
    assert rows == [
        ("eva", "campaign.add"), ("eva", "campaign.hand_over"), ("eva", "campaign.take_back"),
        ("eva", "campaign.hand_over"), ("sam", "campaign.send_back"), ("eva", "campaign.hand_over"),
        ("sam", "campaign.approve"),
    ]  # fmt: skip
    assert {action for _, action in rows} <= set(sentences.SENTENCES)
    page = eva.get(f"/campaigns/{NAME}").text
    assert "Sam sent the campaign" in page
    assert "“Nog eens”" in page
