"""Texts changed by two people: what counts, what is refused, and that nothing is lost on the way."""

import threading
from dataclasses import replace
from datetime import date, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from bot import campaigns, library
from bot.core import outreach
from bot.core.facts import Rules
from bot.errors import FaultsError, RefusedError
from bot.library.merging import merged
from bot.library.shelf import MARK
from bot.store import ledger
from bot.store.tables import AuditRow, CampaignRow, DecisionRow, FrozenRow, TextBodyRow
from bot.wording import load
from bot.wording.languages import signature, unsigned, with_signature

CARD = "services/zorgtoeslag.toml"
NUDGES = "nudges/zorgtoeslag.toml"
RULES = "rules.toml"
NEEDS = "het vaakst gaat het om kleine bedragen en zelfstandigen."


def audited(shop):
    with shop.sessions() as session:
        return [(row.who, row.action) for row in session.exec(select(AuditRow).order_by(AuditRow.id)).all()]


def faults_of(error):
    return "\n".join(error.value.faults)


# What counts.


def test_the_shipped_files_make_the_shipped_wording(shop, wording):
    assert shop.wording.sources == wording.sources
    assert shop.wording.cards == wording.cards
    assert all(
        shop.wording.forms(key, language) == wording.forms(key, language)
        for language in wording.languages
        for key in wording.sources
    )


def test_what_two_people_agreed_on_counts_in_every_process_without_a_restart(shop):
    elsewhere = library.Shelf(messages=shop.root / "messages", locale=shop.root / "locale")
    with shop.sessions() as session:
        elsewhere.fresh(session)
        assert elsewhere.newer(session) is None
    proposal = shop.propose(shop.changed(CARD, NEEDS, "Hier woont een op de tien."))
    assert shop.wording.cards["zorgtoeslag"].weighing.need.endswith(NEEDS)

    shop.approve(proposal)

    assert shop.journey.wording.cards["zorgtoeslag"].weighing.need.endswith("Hier woont een op de tien.")
    with shop.sessions() as session:
        assert elsewhere.newer(session).cards["zorgtoeslag"].weighing.need.endswith("Hier woont een op de tien.")
        assert elsewhere.newer(session) is None
    assert audited(shop) == [("eva", "texts.propose"), ("sam", "texts.approve")]


def test_whoever_proposed_it_does_not_approve_it_and_nobody_decides_twice(shop):
    proposal = shop.propose(shop.changed(CARD, NEEDS, "Anders gezegd."))

    with pytest.raises(RefusedError, match="Somebody else"):
        shop.approve(proposal, by=" EVA ")
    with shop.sessions.begin() as session, pytest.raises(RefusedError, match="Say why"):
        library.send_back(session, proposal, " ", by="sam", now=shop.now)
    with shop.sessions.begin() as session, pytest.raises(RefusedError, match="nobody else"):
        library.withdraw(session, proposal, by="sam", now=shop.now)
    with shop.sessions.begin() as session:
        library.send_back(session, proposal, "Te stellig.", by="sam", now=shop.now)
    with pytest.raises(RefusedError, match="already"):
        shop.approve(proposal)
    assert not shop.journey.take_up()
    assert shop.text(CARD) == shop.files[CARD]


def test_who_proposed_it_takes_it_back(shop):
    proposal = shop.propose(shop.changed(CARD, NEEDS, "Anders gezegd."))
    with shop.sessions.begin() as session:
        library.withdraw(session, proposal, by="eva", now=shop.now)
    with shop.sessions() as session:
        [(row, paths)] = library.listing(session)
    assert (row.state, paths) == ("withdrawn", [CARD])


# What is refused, all of it at once.


def test_a_proposal_that_would_not_load_or_check_is_refused_with_every_fault(shop):
    texts = shop.changed(CARD, 'sensitivity = "S1"', 'sensitivity = "S9"')
    texts |= shop.changed(RULES, "per_month = 2 ", "per_month = 99 ")

    with pytest.raises(FaultsError) as refused:
        shop.propose(texts, why=" ")

    told = faults_of(refused)
    assert "why:" in told
    assert "messages/services/zorgtoeslag.toml: sensitivity" in told
    assert "messages/rules.toml: per_month" in told
    with shop.sessions() as session:
        assert library.listing(session) == []


def test_what_the_wording_rules_stop_is_refused(shop):
    texts = shop.changed(NUDGES, "Wilt u er meer over lezen?", "U moet dit nu lezen!")
    with pytest.raises(FaultsError) as refused:
        shop.propose(texts)
    assert "zorgtoeslag.neutral.1" in faults_of(refused)


def test_a_changed_dutch_text_needs_its_translations_along(shop):
    with pytest.raises(FaultsError) as refused:
        shop.propose(shop.changed(CARD, 'name = "Zorgtoeslag"', 'name = "De zorgtoeslag"'))
    assert "locale/en: card.zorgtoeslag.name" in faults_of(refused)


def test_faults_that_were_there_before_stand_in_nobodys_way(shop):
    shop.now += timedelta(days=400)  # every card's review is overdue by now
    proposal = shop.propose(shop.changed(CARD, NEEDS, "Toch nog iets nieuws."))
    assert shop.judge(proposal).faults == ()


def test_a_wording_that_was_sent_stays_as_it_was(shop):
    shop.campaign(variants=["zorgtoeslag.neutral.1"])
    shop.joins("anna", "money")
    shop.signal()
    assert [outgoing.chat for outgoing in shop.tick()] == ["anna"]

    whole = shop.text(NUDGES)
    gone = whole[: whole.index("[zorgtoeslag.neutral.1]")] + whole[whole.index("[zorgtoeslag.warm.1]") :]
    for texts in (shop.changed(NUDGES, "Misschien is het iets voor u.", "Misschien past het u."), {NUDGES: gone}):
        with pytest.raises(FaultsError) as refused:
            shop.propose(texts)
        assert "zorgtoeslag.neutral.1" in faults_of(refused)
        assert "was sent once" in faults_of(refused)


@pytest.mark.parametrize("path", ["campaigns/stadspas.toml", "../secrets.toml", "locale/../x.po", "notes.txt"])
def test_only_files_of_texts_are_changed_here(shop, path):
    with pytest.raises(FaultsError):
        shop.propose({path: "x"})


def test_a_signature_that_would_be_lost_needs_somebody_who_read_it(shop):
    signed = with_signature(
        shop.files["languages.toml"], "en", by="J. Smith", on=date(2026, 11, 1), signed=signature(shop.wording, "en")
    )
    (shop.root / "messages" / "languages.toml").write_text(signed, encoding="utf-8")
    shop.restart()
    assert "en" not in unsigned(shop.wording)
    texts = shop.changed("locale/en.po", 'msgstr "Thank you."', 'msgstr "Thank you very much."')

    with pytest.raises(FaultsError) as refused:
        shop.propose(texts)
    assert "J. Smith" in faults_of(refused)
    proposal = shop.propose(texts, readers={"en": "P. Jones"})
    other = shop.propose(
        shop.changed("locale/en.po", 'msgstr "Stop all messages"', 'msgstr "Stop every message"'),
        readers={"en": "A. Brown"},
    )
    shop.approve(proposal)

    assert "en" not in unsigned(shop.wording)
    assert shop.wording.checks["en"].checked_by == "P. Jones"
    shop.approve(other)
    assert "en" not in unsigned(shop.wording)
    assert shop.wording.checks["en"].checked_by == "A. Brown"


# Two changes at once, and what a new version brings.


def test_two_proposals_for_different_lines_both_count_and_for_the_same_lines_the_second_is_told(shop):
    first = shop.propose(shop.changed(CARD, NEEDS, "De een."))
    other = shop.propose(shop.changed(CARD, "min_gap_days = 21", "min_gap_days = 28"), by="ine")
    clash = shop.propose(shop.changed(CARD, NEEDS, "De ander."), by="ine")

    shop.approve(first)
    assert shop.judge(clash).faults
    with pytest.raises(FaultsError, match="propose it anew"):
        shop.approve(clash)
    shop.approve(other)

    card = shop.wording.cards["zorgtoeslag"]
    assert (card.weighing.need[-7:], card.cadence.min_gap_days) == ("De een.", 28)


def test_a_file_that_a_new_version_changed_is_told_and_what_was_approved_counts_until_people_decide(shop):
    shop.approve(shop.propose(shop.changed(CARD, NEEDS, "Wat wij weten.")))
    shop.deploy(CARD, 'amount = "varies_personal"', 'amount = "varies_local"')

    with shop.sessions() as session:
        [conflict] = library.conflicts(session, shop.files)
    assert conflict.path == CARD
    assert "Wat wij weten." in conflict.ours
    assert "varies_local" in conflict.file
    assert shop.wording.cards["zorgtoeslag"].amount == "varies_personal"

    both = merged(conflict.was, conflict.ours, conflict.file)
    shop.approve(shop.propose({CARD: both}))
    card = shop.wording.cards["zorgtoeslag"]
    assert (card.weighing.need[-14:], card.amount) == ("Wat wij weten.", "varies_local")
    with shop.sessions() as session:
        assert library.conflicts(session, shop.files) == []


def test_new_sentences_of_a_new_version_are_there_although_people_changed_others(shop):
    said = {one: library.translation(shop.wording, "card.zorgtoeslag.name", one) for one in shop.wording.languages}
    with shop.sessions() as session:
        texts = library.with_text(library.in_force(session, shop.files), "card.zorgtoeslag.name", said | {"en": "Care"})
    assert texts.keys() == {"locale/en.po"}
    shop.approve(shop.propose(texts))
    shop.deploy("locale/en.po", 'msgstr "Thank you."', 'msgstr "Thanks."')

    for _ in range(2):
        assert shop.wording.say("card.zorgtoeslag.name", "en") == "Care"
        assert "Thanks." in shop.text("locale/en.po")
        with shop.sessions.begin() as session:
            if library.conflicts(session, shop.files):
                library.keep_ours(session, shop.files, "locale/en.po", by="sam", now=shop.now)
        shop.restart()
    with shop.sessions() as session:
        assert library.conflicts(session, shop.files) == []


def test_ours_can_be_kept_and_the_files_can_be_taken(shop):
    shop.approve(shop.propose(shop.changed(CARD, NEEDS, "Wat wij weten.")))
    shop.deploy(CARD, 'amount = "varies_personal"', 'amount = "varies_local"')

    with shop.sessions.begin() as session:
        library.keep_ours(session, shop.files, CARD, by="sam", now=shop.now)
    with shop.sessions.begin() as session, pytest.raises(RefusedError):
        library.keep_ours(session, shop.files, CARD, by="sam", now=shop.now)
    with shop.sessions() as session:
        assert library.conflicts(session, shop.files) == []
    shop.approve(shop.propose({CARD: shop.files[CARD]}))
    assert shop.text(CARD) == shop.files[CARD]
    assert shop.wording.cards["zorgtoeslag"].weighing.need.endswith(NEEDS)


def test_what_was_exported_and_came_back_is_no_conflict(shop):
    shop.approve(shop.propose(shop.changed(CARD, NEEDS, "Wat wij weten.")))
    shop.deploy(CARD, NEEDS, "Wat wij weten.")
    with shop.sessions() as session:
        assert library.conflicts(session, shop.files) == []


def test_texts_that_cannot_be_read_any_more_leave_the_old_ones_in_force_and_refuse_a_start(shop):
    shop.approve(shop.propose(shop.changed(CARD, NEEDS, "Wat wij weten.")))
    with shop.sessions.begin() as session:
        for row in session.exec(select(TextBodyRow)).all():
            row.text = row.text.replace("Wat wij weten.", '"')
        ledger.set_mark(session, MARK, {"version": "spoiled"}, shop.now)
    said = shop.journey.wording
    assert not shop.journey.take_up()
    assert shop.journey.wording is said
    with pytest.raises(FaultsError, match="services/zorgtoeslag"):
        shop.restart()


# Campaigns.


def test_a_running_campaign_whose_text_changed_sends_nothing_until_it_is_approved_again(shop):
    shop.campaign()
    shop.joins("anna", "money")
    proposal = shop.propose(shop.changed(CARD, NEEDS, "Wat wij weten."))
    assert shop.judge(proposal).voids == ("zorgtoeslag-deadline",)
    shop.approve(proposal)

    shop.signal()
    assert shop.tick() == []
    with shop.sessions.begin() as session:
        campaigns.approve(session, "zorgtoeslag-deadline", shop.journey.wording, by="sam", now=shop.now)
    shop.later(hours=2)
    assert [outgoing.chat for outgoing in shop.tick()] == ["anna"]


def test_a_nudge_that_left_with_old_words_can_still_be_explained_and_decided_again(shop):
    shop.campaign()
    shop.joins("anna", "money")
    shop.signal()
    assert shop.tick()
    shop.approve(shop.propose(shop.changed(CARD, NEEDS, "Wat wij weten.")))

    shop.choose("anna", "why")
    assert "Zorgtoeslag" in shop.phones["anna"].last.text
    with shop.sessions() as session:
        [decision] = session.exec(select(DecisionRow)).all()
    assert shop.journey.replay(decision.id).differences == []


def queued(shop):
    """A nudge is set aside by a process that took up all texts there are; return its number."""
    shop.campaign()
    shop.joins("anna", "money")
    shop.journey.take_up()
    shop.signal()
    shop.journey.plan()
    shop.journey.decide()
    [leased] = shop.journey.lease("sender", 10)
    return leased.message


def test_no_nudge_leaves_in_words_that_were_replaced_a_moment_ago(shop):
    """Another process approved others; this one has not taken them up. Sent now, the old ones would be frozen."""
    message = queued(shop)
    proposal = shop.propose(shop.changed(CARD, NEEDS, "Wat wij weten."))
    with shop.sessions.begin() as session:
        library.approve(session, shop.files, proposal, by="sam", now=shop.now)

    assert shop.journey.depart("sender", [message]) == []
    with shop.sessions() as session:
        assert session.exec(select(FrozenRow)).all() == []
    assert [row.state for row in shop.nudges()] == ["due"]
    assert shop.journey.take_up()
    shop.later(seconds=1)
    assert shop.tick() == [], "the approval was of the words of before"


def test_what_stops_no_campaign_stops_no_process_that_has_not_heard_of_it(shop):
    message = queued(shop)
    shop.joins("bram", "money")
    shop.signal()
    shop.journey.plan()
    shop.record(shop.changed(CARD, "# checked_on = 2026-11-02", "checked_on = 2026-11-24"))

    assert shop.journey.decide() == 0
    assert shop.journey.depart("sender", [message]) == []
    assert shop.journey.take_up()
    shop.later(seconds=1)
    assert sorted(outgoing.chat for outgoing in shop.tick()) == ["anna", "bram"]


def test_of_two_that_take_up_texts_at_once_the_slower_one_does_not_undo_the_faster(shop):
    """The pages and the process's own clock do."""
    shop.approve(shop.propose(shop.changed(CARD, NEEDS, "Wat wij weten.")))
    newest = shop.propose(shop.changed(CARD, "Wat wij weten.", "Wat wij nu weten."))
    others = []

    class Slow(library.Shelf):
        def newer(self, session):
            """Between reading and taking up, somebody approves and another thread takes that up, if it can."""
            found = super().newer(session)
            if not others:
                with shop.sessions.begin() as writing:
                    library.approve(writing, self.files, newest, by="sam", now=shop.now)
                others.append(threading.Thread(target=shop.journey.take_up))
                others[0].start()
                others[0].join(timeout=1)
            return found

    shop.journey.shelf = Slow(messages=shop.root / "messages", locale=shop.root / "locale")
    assert shop.journey.take_up()
    others[0].join()
    shop.journey.take_up()

    assert shop.journey.wording.cards["zorgtoeslag"].weighing.need.endswith("Wat wij nu weten.")


# What one person may do.


def test_that_a_page_was_checked_is_one_persons_word_and_stops_no_campaign(shop):
    shop.campaign()
    shop.joins("anna", "money")
    shop.record(shop.changed(CARD, "# checked_on = 2026-11-02", "checked_on = 2026-11-24"))
    assert shop.journey.take_up()

    assert shop.journey.wording.cards["zorgtoeslag"].official_page.checked_on == date(2026, 11, 24)
    assert audited(shop)[-1] == ("eva", "texts.record")
    with shop.sessions() as session:
        row = session.get(CampaignRow, "zorgtoeslag-deadline")
        file = campaigns.file_of(row)
        assert row.approved_hash == campaigns.content_hash(file, shop.journey.wording)
    shop.signal()
    assert [outgoing.chat for outgoing in shop.tick()] == ["anna"]


def test_a_card_is_suspended_by_one_and_published_again_by_two(shop):
    shop.campaign()
    shop.joins("anna", "money")
    shop.record(shop.changed(CARD, 'status = "published"', 'status = "suspended"'))
    assert shop.journey.take_up()
    shop.signal()
    assert shop.tick() == []

    back = shop.changed(CARD, 'status = "suspended"', 'status = "published"')
    with pytest.raises(RefusedError, match="somebody else"):
        shop.record(back)
    shop.approve(shop.propose(back))
    assert shop.text(CARD) == shop.files[CARD]


def test_rules_get_softer_by_one_and_firmer_by_two_with_their_names(shop):
    shop.record(shop.changed(RULES, "per_month = 2 ", "per_month = 1 "))
    firmer = shop.changed(RULES, "per_month = 1 ", "per_month = 3 ")
    with pytest.raises(RefusedError, match="somebody else"):
        shop.record(firmer)
    shop.approve(shop.propose(firmer))

    assert shop.wording.rules.per_month == 3
    assert 'raised_by = ["eva", "sam"]' in shop.text(RULES)


def test_nobody_slips_a_text_through_with_a_fact(shop):
    texts = shop.changed(CARD, "# checked_on = 2026-11-02", "checked_on = 2026-11-24")
    texts[CARD] = texts[CARD].replace("(CPB 2025)", "(CPB 2026)")
    with pytest.raises(RefusedError, match="somebody else"):
        shop.record(texts)
    assert shop.text(CARD) == shop.files[CARD]
    with shop.sessions() as session:
        assert library.listing(session) == []


# What always holds.

DAYS = st.integers(1, 400).map(lambda days: timedelta(days=days))
CLOCK = st.times().map(lambda wall: wall.replace(microsecond=0))
RULES_OF_ALL_KINDS = st.builds(
    Rules, quiet_from=CLOCK, quiet_until=CLOCK, no_sundays=st.booleans(), min_gap=DAYS, per_month=st.integers(0, 8),
    per_year=st.integers(0, 52), per_card_year=st.integers(0, 4), per_card_year_s3=st.integers(0, 1),
    open_question=DAYS, rest_start_days=st.floats(1, 400), rest_floor_days=st.floats(1, 400),
    rest_cap_days=st.floats(1, 800), snooze_days=st.integers(1, 400), survey_gap=DAYS,
)  # fmt: skip


@given(RULES_OF_ALL_KINDS, RULES_OF_ALL_KINDS, st.times())
def test_by_softer_rules_no_moment_becomes_loud_and_no_bound_wider(before, after, wall):
    if not library.softer(before, after):
        return
    assert not outreach.is_quiet(wall, before) or outreach.is_quiet(wall, after)
    assert before.no_sundays <= after.no_sundays
    assert after.min_gap >= before.min_gap
    assert after.rest_floor_days >= before.rest_floor_days
    assert after.per_month <= before.per_month
    assert after.per_year <= before.per_year
    assert after.per_card_year <= before.per_card_year
    assert after.per_card_year_s3 <= before.per_card_year_s3


@given(RULES_OF_ALL_KINDS, RULES_OF_ALL_KINDS, RULES_OF_ALL_KINDS)
def test_softer_holds_of_itself_and_over_steps_and_both_ways_only_for_the_same_hours(one, two, three):
    assert library.softer(one, one)
    if library.softer(one, two) and library.softer(two, three):
        assert library.softer(one, three)


@pytest.mark.parametrize(
    ("change", "is_softer"),
    [
        ({"per_month": 1}, True), ({"per_month": 3}, False), ({"quiet_until": time(10)}, True),
        ({"quiet_from": time(21)}, False), ({"quiet_from": time(1)}, False), ({"no_sundays": False}, False),
        ({"consent_years": 1}, False), ({"min_gap": timedelta(days=20)}, True), ({"rest_floor_days": 7.0}, False),
    ],
)  # fmt: skip
def test_which_rule_is_softer(change, is_softer):
    assert library.softer(Rules(), replace(Rules(), **change)) is is_softer


LINES = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "d\n", "e\n"]), max_size=8).map("".join)


@given(LINES, LINES, LINES)
def test_what_is_merged_has_both_changes_and_one_change_alone_is_that_change(base, ours, theirs):
    assert merged(base, ours, base) == ours
    assert merged(base, base, theirs) == theirs
    assert merged(base, ours, ours) == ours
    assert merged(base, ours, theirs) == merged(base, theirs, ours)


def test_load_over_memory_is_load_over_disk():
    assert library.wording_of(library.shipped()).sources == load().sources
