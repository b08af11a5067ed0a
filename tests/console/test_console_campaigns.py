"""The list of campaigns, and the page of one: how it goes, pausing, going on and stopping."""

import re

import pytest

from bot import campaigns
from bot.campaigns import State
from bot.console import failures
from bot.core.talk import Press, write_press
from bot.errors import RejectedError, UncertainError, UnreachableError
from bot.store import ledger
from bot.store.tables import CampaignRow
from bot.wording import data

NAME = "zorgtoeslag-deadline"


def draft(town, name, *, by="eva", card="stadspas", **changes):
    text = (data("messages") / "campaigns" / f"{card}.toml").read_text(encoding="utf-8")
    file = campaigns.read(text, town.wording).model_copy(update={"id": name, **changes})
    with town.sessions.begin() as session:
        campaigns.add(session, file, town.wording, by=by, now=town.now)


def sent(town, people=3):
    town.campaign()
    for number in range(people):
        town.joins(str(700 + number), "money")
    town.signal()
    town.tick()


def state(town, name=NAME):
    with town.sessions() as session:
        return session.get_one(CampaignRow, name).state


def halted_because(town):
    with town.sessions() as session:
        return (ledger.mark(session, "pause_nudges") or {}).get("because")


def listed(page):
    return re.findall(r'<th scope="row"><a class="utrecht-link" href="/campaigns/([^"]+)"', page.text)


# The list.


def test_filters_stand_in_the_address_and_are_kept_by_the_pages(town):
    for number in range(30):
        draft(town, f"pas-{number:02d}", title=f"Pas {number:02d}")
    eva = town.as_("eva")

    first = eva.get("/campaigns?name=pas&state=draft&card=stadspas&mine=1&sort=title")
    following = re.search(r'rel="next" href="([^"]+)"', first.text)[1].replace("&amp;", "&")
    second = eva.get(following)

    assert listed(first) == [f"pas-{number:02d}" for number in range(25)]
    assert listed(second) == [f"pas-{number:02d}" for number in range(25, 30)]
    for kept in ("name=pas", "state=draft", "card=stadspas", "mine=1", "sort=title", "page=2"):
        assert kept in following
    assert 'value="stadspas" selected' in second.text
    assert 'value="1" checked' in second.text


def test_what_waits_for_approval_or_was_sent_back_is_marked_and_can_be_filtered(town):
    draft(town, "gereed")
    draft(town, "terug")
    draft(town, "bezig")
    with town.sessions.begin() as session:
        campaigns.hand_over(session, "gereed", town.wording, by="eva", now=town.now)
        campaigns.send_back(session, "terug", "Nee.", town.wording, by="sam", now=town.now)
    sam = town.as_("sam")

    assert listed(sam.get("/campaigns?state=handed_over")) == ["gereed"]
    assert listed(sam.get("/campaigns?state=sent_back")) == ["terug"]
    assert listed(sam.get("/campaigns?state=in_the_making")) == ["bezig"]
    whole = sam.get("/campaigns").text
    assert whole.count(">waits for approval</span>") == whole.count(">sent back</span>") == 1


def test_mine_is_what_i_wrote(town):
    draft(town, "van-eva")
    draft(town, "van-els", by="els")
    assert listed(town.as_("eva").get("/campaigns?mine=1")) == ["van-eva"]


@pytest.mark.parametrize("query", ["state=zoiets&sort=zomaar", "page=-3", "page=99", "card=%00&name=%25_"])
def test_nonsense_in_the_address_breaks_nothing(town, query):
    draft(town, "pas-1")
    assert town.as_("eva").get(f"/campaigns?{query}").status_code == 200


def test_an_empty_list_says_what_to_do_next(town):
    assert "Nothing is sent before a colleague approves it." in town.as_("eva").get("/campaigns").text
    assert "An editor makes the first one." in town.as_("sam").get("/campaigns").text
    assert "show all campaigns" in town.as_("eva").get("/campaigns?name=niets").text


# How it goes.


def test_progress_asks_for_itself_while_it_runs_and_stops_when_it_is_over(town):
    sent(town)
    eva = town.as_("eva")
    running = eva.get(f"/campaigns/{NAME}/progress").text
    eva.post(f"/campaigns/{NAME}/pause", because="even kijken")
    paused = eva.get(f"/campaigns/{NAME}/progress").text

    assert 'hx-trigger="every 3s"' in running
    assert "hx-get" not in paused
    assert "Going on never sends anybody the same message twice." in paused
    assert "<html" not in running


def test_failures_are_told_in_words_and_the_channels_own_only_where_ours_say_too_little(town):
    town.fails = [
        UnreachableError("blocked the bot, or deleted the chat"),
        UnreachableError("the account is gone"),
        RejectedError("Telegram refused it: message is too long"),
    ]
    town.campaign()
    fails, town.fails = town.fails, []
    for number in range(3):
        town.joins(str(700 + number), "money")
    town.fails = fails
    town.signal()
    town.tick()

    page = town.as_("eva").get(f"/campaigns/{NAME}").text

    assert "The person blocked the bot or deleted the chat. That counts as a stop." in page
    assert "The account does not exist any more." in page
    assert "(message is too long)" in page


def test_failures_that_read_the_same_are_counted_together():
    told = failures.in_words({"unreachable": 2, "unreachable: blocked the bot, or deleted the chat": 3, "": 1})
    assert [(one.times, one.said) for one in told] == [(5, None), (1, None)]


def test_an_uncertain_message_is_listed_with_its_attempt_until_a_press_proves_it(town):
    town.campaign()
    town.joins("700", "money")
    town.signal()
    town.fails = [UncertainError("no clear answer: TimedOut")]
    town.tick()
    [nudge] = town.nudges()
    eva = town.as_("eva")

    page = eva.get(f"/campaigns/{NAME}").text
    assert nudge.state == "uncertain"
    assert "It is never sent again, and you need not do anything." in page
    assert f'<th scope="row">{nudge.id}</th>' in page
    town.press("700", write_press(Press("n", nudge.id, "more")))

    later = eva.get(f"/campaigns/{NAME}").text
    assert town.nudges()[0].state == "sent"
    assert "It is never sent again, and you need not do anything." not in later


def test_the_expected_end_is_told_while_messages_wait(town):
    town.campaign(hourly_maximum=1)
    for number in range(3):
        town.joins(str(700 + number), "money")
    town.signal()
    town.tick()

    assert "the last one leaves on Tue 24 Nov 2026" in town.as_("eva").get(f"/campaigns/{NAME}").text


# Pausing, going on, stopping: each by a plain form.


def test_a_pause_needs_a_reason_and_everybody_can_read_it(town):
    sent(town)
    ada = town.as_("ada")

    refused = ada.post(f"/campaigns/{NAME}/pause", because="  ")
    assert refused.status_code == 422
    assert "Say why" in refused.text
    assert state(town) == State.RUNNING
    ada.post(f"/campaigns/{NAME}/pause", because="de link werkt niet")

    assert state(town) == State.PAUSED
    assert "because: de link werkt niet" in town.as_("rik").get(f"/campaigns/{NAME}").text
    assert "Ada paused the campaign" in ada.get(f"/campaigns/{NAME}").text
    town.as_("eva").post(f"/campaigns/{NAME}/start")
    assert state(town) == State.RUNNING


def test_stopping_is_explained_on_a_page_of_its_own_before_it_is_done(town):
    sent(town)
    sam = town.as_("sam")
    page = sam.get(f"/campaigns/{NAME}").text
    assert f'href="/campaigns/{NAME}/stop"' in page
    assert f'action="/campaigns/{NAME}/stop"' not in page

    before = sam.get(f"/campaigns/{NAME}/stop")
    assert "3 messages were sent. They cannot be recalled" in before.text
    assert state(town) == State.RUNNING
    after = sam.post(f"/campaigns/{NAME}/stop")

    assert state(town) == State.STOPPED
    assert "cannot be recalled" in after.text
    assert "nothing to stop" in sam.get(f"/campaigns/{NAME}/stop").text
    assert sam.post(f"/campaigns/{NAME}/stop").status_code == 409


def test_everything_is_paused_in_one_press_from_any_page_and_goes_on_from_there(town):
    sent(town)
    eva = town.as_("eva")
    page = eva.get(f"/campaigns/{NAME}")
    assert 'action="/halt"' in page.text

    halted = eva.post("/halt", back=f"/campaigns/{NAME}")
    assert halted.url.path == f"/campaigns/{NAME}"
    assert "No message leaves at the moment" in halted.text
    assert 'action="/go-on"' in halted.text
    assert halted_because(town) == "Eva"
    again = eva.post("/go-on", back=f"/campaigns/{NAME}")

    assert again.url.path == f"/campaigns/{NAME}"
    assert "No message leaves at the moment" not in again.text
    assert halted_because(town) is None


@pytest.mark.parametrize("trap", ["https://evil.test/", "//evil.test", "/\\evil.test", ""])
def test_no_press_leads_elsewhere(town, trap):
    answer = town.as_("eva").post("/halt", follow=False, back=trap)
    assert answer.headers["location"] == "/?done=all_paused"


def test_who_may_not_halt_sees_no_such_press(town):
    for login in ("mei", "rik", "otto"):
        assert "/halt" not in town.as_(login).get("/").text
