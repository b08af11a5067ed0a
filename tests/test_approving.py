"""Handing over, sending back, approving what was looked at; and what differs from what was approved before."""

import copy
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from bot import campaigns
from bot.campaigns import Mark, Ready, Sort, State, Wanted
from bot.errors import RefusedError
from bot.store import ledger
from bot.store.tables import AuditRow, CampaignApprovalRow
from tests.test_campaigns import NOW, SHIPPED, read, reloaded


@pytest.fixture
def session(sessions):
    with sessions() as session:
        yield session


def added(session, *changes, by="anna", now=NOW, **fields):
    return campaigns.add(session, read(*changes).model_copy(update=fields), SHIPPED, by=by, now=now)


def approved(session, *, by="bram", now=NOW):
    row = added(session)
    return campaigns.approve(session, row.id, SHIPPED, by=by, now=now)


def content(row, said=SHIPPED):
    return campaigns.content(campaigns.file_of(row), said)


# Handing over and sending back.


def test_whoever_wrote_it_says_that_it_is_ready_and_a_change_takes_that_back(session):
    row = added(session)

    campaigns.hand_over(session, row.id, SHIPPED, by="anna", now=NOW)
    assert (row.state, row.handed_over_by, row.handed_over_at) == (State.DRAFT, "anna", NOW)
    added(session, ("hourly_maximum = 100", "hourly_maximum = 90"))

    assert row.handed_over_at is None
    assert row.handed_over_by is None


def test_the_same_file_once_more_takes_nothing_back(session):
    row = added(session)
    campaigns.hand_over(session, row.id, SHIPPED, by="anna", now=NOW)

    added(session)

    assert row.handed_over_at == NOW


def test_it_can_be_taken_back_before_somebody_decides(session):
    row = added(session)
    with pytest.raises(RefusedError):
        campaigns.take_back(session, row.id, by="anna", now=NOW)
    campaigns.hand_over(session, row.id, SHIPPED, by="anna", now=NOW)

    campaigns.take_back(session, row.id, by="anna", now=NOW)

    assert row.handed_over_at is None


def test_what_is_sent_back_keeps_the_reason_until_it_is_handed_over_again(session):
    row = added(session)
    campaigns.hand_over(session, row.id, SHIPPED, by="anna", now=NOW)

    campaigns.send_back(session, row.id, " Too long. ", SHIPPED, by="bram", now=NOW)
    assert (row.state, row.handed_over_at) == (State.DRAFT, None)
    assert (row.returned_by, row.returned_because) == ("bram", "Too long.")
    added(session, ("hourly_maximum = 100", "hourly_maximum = 90"))
    assert row.returned_because == "Too long."
    campaigns.hand_over(session, row.id, SHIPPED, by="anna", now=NOW)

    assert (row.returned_by, row.returned_at, row.returned_because) == (None, None, None)
    told = session.exec(select(AuditRow).where(AuditRow.action == "campaign.send_back")).one()
    assert (told.who, told.detail["because"]) == ("bram", "Too long.")


@pytest.mark.parametrize("because", ["", "  ", "x" * 1001])
def test_sending_back_needs_a_reason_of_a_readable_length(session, because):
    row = added(session)
    with pytest.raises(RefusedError):
        campaigns.send_back(session, row.id, because, SHIPPED, by="bram", now=NOW)
    assert row.returned_at is None


def test_nobody_sends_back_what_they_edited(session):
    row = added(session)
    with pytest.raises(RefusedError):
        campaigns.send_back(session, row.id, "no", SHIPPED, by=" ANNA ", now=NOW)


def test_what_is_over_or_approved_as_it_reads_is_neither_handed_over_nor_sent_back(session):
    row = approved(session)
    for refused in (
        lambda: campaigns.hand_over(session, row.id, SHIPPED, by="anna", now=NOW),
        lambda: campaigns.send_back(session, row.id, "no", SHIPPED, by="bram", now=NOW),
    ):
        with pytest.raises(RefusedError):
            refused()
    campaigns.stop(session, row.id, by="anna", now=NOW)
    with pytest.raises(RefusedError):
        campaigns.hand_over(session, row.id, SHIPPED, by="anna", now=NOW)


# Approving what was looked at.


def test_who_looked_at_another_version_approves_nothing(session):
    row = added(session)
    seen = campaigns.hash_of(row, SHIPPED)
    added(session, ("hourly_maximum = 100", "hourly_maximum = 90"))

    with pytest.raises(RefusedError, match="changed while you looked"):
        campaigns.approve(session, row.id, SHIPPED, by="bram", now=NOW, seen=seen)
    with pytest.raises(RefusedError, match="changed while you looked"):
        campaigns.send_back(session, row.id, "no", SHIPPED, by="bram", now=NOW, seen=seen)
    assert (row.state, row.approved_hash, row.returned_at) == (State.DRAFT, None, None)

    campaigns.approve(session, row.id, SHIPPED, by="bram", now=NOW, seen=campaigns.hash_of(row, SHIPPED))
    assert row.state == State.APPROVED


def test_an_approval_keeps_word_for_word_what_was_approved_and_ends_the_handing_over(session):
    row = added(session)
    campaigns.hand_over(session, row.id, SHIPPED, by="anna", now=NOW)

    campaigns.approve(session, row.id, SHIPPED, by="bram", now=NOW)

    kept = campaigns.last_approval(session, row.id)
    assert (kept.by, kept.at, kept.content_hash) == ("bram", NOW, row.approved_hash)
    assert kept.content == content(row)
    assert row.handed_over_at is None
    texts = kept.content["texts"]["stadspas.neutral.1"]
    assert texts["nl"].startswith("Goedendag, dit is een bericht van de gemeente {municipality}.")
    assert set(texts) == {"nl", "en"}


def test_a_change_of_the_campaign_is_told_field_by_field(session):
    row = approved(session)
    before = campaigns.last_approval(session, row.id).content
    added(session, ("hourly_maximum = 100", "hourly_maximum = 90"), ('languages = ["nl", "en"]', 'languages = ["nl"]'),
          ("until = 2027-02-28", "until = 2027-03-31"))  # fmt: skip

    new = campaigns.differences(before, content(row))

    changed = {change.path: (change.before, change.after) for change in new.settings}
    assert changed == {
        ("languages",): (["nl", "en"], ["nl"]),
        ("hourly_maximum",): (100, 90),
        ("period", "until"): ("2027-02-28", "2027-03-31"),
    }
    languages = next(change for change in new.settings if change.path == ("languages",))
    assert (languages.gone, languages.new) == (["en"], [])
    assert {(text.language, text.after) for text in new.texts} == {("en", None)}
    assert not new.card


def test_a_change_of_a_word_is_told_in_the_texts_that_have_it(session, tmp_path):
    row = approved(session)
    before = campaigns.last_approval(session, row.id).content
    later = reloaded(tmp_path, "messages/nudges/stadspas.toml", "goedkoper mee aan sport", "voordelig mee aan sport")

    new = campaigns.differences(before, content(row, later))

    dutch = next(text for text in new.texts if text.language == "nl")
    marked = [(piece.mark, piece.text) for piece in dutch.pieces if piece.mark is not Mark.SAME]
    assert marked == [(Mark.GONE, "goedkoper"), (Mark.NEW, "voordelig")]
    assert not new.settings
    assert campaigns.is_open(row, later)


def test_a_change_of_the_card_is_told_by_its_fields(session):
    row = approved(session)
    before = campaigns.last_approval(session, row.id).content
    after = copy.deepcopy(before)
    after["card"]["version"] += 1
    after["card"]["weighing"]["because"] = "Because it was weighed anew, with care."

    new = campaigns.differences(before, after)

    assert [change.path for change in new.card] == [("version",), ("weighing", "because")]
    assert not new.texts
    assert not campaigns.differences(before, before)


def test_what_differs_is_found_wherever_the_content_hash_differs(session, tmp_path):
    """Whatever voids an approval is shown to the next approver: no hidden change."""
    row = approved(session)
    before = campaigns.last_approval(session, row.id).content
    voided = {
        "card": reloaded(tmp_path / "card", "messages/services/stadspas.toml", "version = 1", "version = 2"),
        "nudge": reloaded(tmp_path / "nudge", "messages/nudges/stadspas.toml", "sport, cultuur", "sport en cultuur"),
    }
    for name, said in voided.items():
        file = campaigns.file_of(row)
        assert campaigns.content_hash(file, said) != row.approved_hash, name
        assert campaigns.differences(before, campaigns.content(file, said)), name


WORDS = st.text(alphabet=st.sampled_from("ab é.,\n \u200fمر"), max_size=60)


@given(WORDS, WORDS)
def test_both_texts_can_be_read_back_from_the_marks(before, after):
    pieces = list(campaigns.compared(before, after))
    assert "".join(piece.text for piece in pieces if piece.mark is not Mark.NEW) == before
    assert "".join(piece.text for piece in pieces if piece.mark is not Mark.GONE) == after
    assert all(piece.text for piece in pieces)


# Finding.


def found(session, **wanted):
    rows, count = campaigns.search(session, Wanted(**wanted), limit=10)
    assert count == len(rows)
    return [row.id for row in rows]


def test_campaigns_are_found_by_where_they_stand_and_by_whose_they_are(session):
    for name, by in (("eerste", "anna"), ("tweede", "bram"), ("derde", "anna")):
        added(session, ('id = "pas"', f'id = "{name}"'), by=by)
    campaigns.hand_over(session, "eerste", SHIPPED, by="anna", now=NOW)
    campaigns.send_back(session, "tweede", "Nee.", SHIPPED, by="anna", now=NOW)

    assert found(session, ready=Ready.HANDED_OVER) == ["eerste"]
    assert found(session, ready=Ready.HANDED_OVER, not_by="anna") == []
    assert found(session, ready=Ready.SENT_BACK) == ["tweede"]
    assert found(session, ready=Ready.IN_THE_MAKING) == ["derde"]
    assert found(session, by="Anna", sort=Sort.TITLE) == ["derde", "eerste"]
    assert found(session, state=State.RUNNING) == []
    assert found(session, card="stadspas") == ["derde", "eerste", "tweede"]
    assert found(session, text="TWEE") == ["tweede"]


def test_a_page_of_many_knows_how_many_there_are(session):
    for number in range(5):
        added(session, ('id = "pas"', f'id = "pas-{number}"'))

    pages = [campaigns.search(session, Wanted(), limit=2, offset=offset) for offset in (0, 2, 4, 6)]

    assert [len(rows) for rows, _ in pages] == [2, 2, 1, 0]
    assert {count for _, count in pages} == {5}


def test_what_changed_after_its_approval_is_known_of_all_at_once(session, tmp_path):
    row = approved(session)
    campaigns.start(session, row.id, SHIPPED, by="anna", now=NOW)
    later = reloaded(tmp_path, "messages/nudges/stadspas.toml", "goedkoper", "voordelig")

    [alive] = campaigns.approved_ones(session, SHIPPED)
    [changed] = campaigns.approved_ones(session, later)

    assert (alive.id, alive.state, alive.changed) == (row.id, State.RUNNING, False)
    assert changed.changed
    assert alive.opens
    assert all(campaigns.file_of(row).period.first <= day for day in alive.opens)


# What staff look at.


def test_what_is_next_is_the_soonest_of_what_waits_and_each_campaign_once(sessions, wording, vault):
    from tests.world import World

    world = World(sessions, wording, vault)
    world.campaign()
    for chat in ("70", "71", "72"):
        world.joins(chat, "money")
    world.signal()
    world.journey.plan()
    with sessions() as session:
        [undecided] = ledger.upcoming(session, 5)
    world.journey.decide()
    with sessions() as session:
        [ready] = ledger.upcoming(session, 5)

    assert (undecided.campaign, undecided.queued) == ("zorgtoeslag-deadline", False)
    assert (ready.campaign, ready.queued) == ("zorgtoeslag-deadline", True)


def test_every_approval_is_kept_and_the_newest_is_the_one_to_compare_with(session):
    row = approved(session)
    added(session, ("hourly_maximum = 100", "hourly_maximum = 90"))
    campaigns.approve(session, row.id, SHIPPED, by="cora", now=NOW + timedelta(hours=1))

    assert len(session.exec(select(CampaignApprovalRow)).all()) == 2
    assert campaigns.last_approval(session, row.id).by == "cora"
