import hashlib
import json
import shutil
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlmodel import select

from bot import campaigns, wording
from bot.campaigns import State
from bot.core.facts import CardStatus, Learning, Level, Reason, Sensitivity, Waves
from bot.errors import FaultsError, RefusedError
from bot.store import ledger
from bot.store.tables import AuditRow, CampaignEditRow, CampaignRow, SignalRow

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
ZONE = ZoneInfo("Europe/Amsterdam")
SHIPPED = wording.load()
EXAMPLES = sorted(path.name for path in wording.data("messages").joinpath("campaigns").iterdir())
OFFER = "nl.professionele-aanbiedingen.aanbod-voorgesteld.v1"
PASS_YEAR = "nl.kalenders.pasjaar-begint.v1"
TOML = f"""
id = "pas"
title = "De stadspas"
card = "stadspas"
variants = ["neutral", "stadspas.warm.1"]
languages = ["nl", "en"]
hourly_maximum = 100
learning = "trial"
[trigger]
signals = ["{OFFER}"]
yearly = {{ month = 1, day = 1 }}
calendar = "{PASS_YEAR}"
[period]
from = 2026-11-01
until = 2027-02-28
"""


def read(*changes, said=SHIPPED):
    text = TOML
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return campaigns.read(text, said)


def faults(*changes, said=SHIPPED):
    with pytest.raises(FaultsError) as caught:
        read(*changes, said=said)
    return caught.value.faults


def with_card(**changes):
    """The shipped wording with another stadspas card."""
    card = SHIPPED.cards["stadspas"].model_copy(update=changes)
    return replace(SHIPPED, cards={**SHIPPED.cards, "stadspas": card})


def reloaded(tmp_path, file, old, new):
    """The wording after an editor replaced `old` in a file of messages/ or locale/."""
    for name in ("messages", "locale"):
        shutil.copytree(Path(str(wording.data(name))), tmp_path / name)
    text = (tmp_path / file).read_text(encoding="utf-8")
    assert old in text
    (tmp_path / file).write_text(text.replace(old, new), encoding="utf-8")
    return wording.load(messages=tmp_path / "messages", locale=tmp_path / "locale")


@pytest.fixture
def session(sessions):
    with sessions() as session:
        yield session


def added(session, *changes, by="Anna", now=NOW):
    return campaigns.add(session, read(*changes), SHIPPED, by=by, now=now)


def running(session, *changes, now=NOW):
    row = added(session, *changes, now=now)
    campaigns.approve(session, row.id, SHIPPED, by="Bram", now=now)
    return campaigns.start(session, row.id, SHIPPED, by="Bram", now=now)


def facts(session, row, said=SHIPPED, now=NOW):
    return campaigns.facts_of(row, said, now, editors=ledger.editors(session, [row.id])[row.id])


# The file.


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_campaigns_that_we_ship_fit(name):
    file = campaigns.read(wording.data("messages").joinpath("campaigns", name).read_text(encoding="utf-8"), SHIPPED)

    assert f"{file.id}.toml" == name
    assert file.learning is Learning.FIXED
    assert {SHIPPED.variants[variant].tone for variant in file.variants} == {"neutral", "warm", "practical"}


def test_a_tone_stands_for_the_cards_wordings_in_it():
    assert read().variants == ["stadspas.neutral.1", "stadspas.warm.1"]
    assert read(('"stadspas.warm.1"', '"stadspas.neutral.1"')).variants == ["stadspas.neutral.1"]


def test_all_faults_of_shape_are_told_at_once():
    told = faults(
        ('title = "De stadspas"\n', ""),
        ("hourly_maximum = 100", "hourly_maximum = 0"),
        ('learning = "trial"', 'learning = "firm"\ncolour = "red"'),
        ("month = 1, day = 1", "month = 2, day = 29"),
        ("until = 2027-02-28", "until = 2026-01-01"),
    )

    starts = ("title is missing", "hourly_maximum = 0", "learning = 'firm'", "colour is not a field", "trigger.yearly:")
    assert len(told) == 6
    for start in (*starts, "period: until 2026-01-01 is before"):
        assert any(fault.startswith(start) for fault in told), start


def test_all_that_does_not_fit_the_cards_and_wordings_is_told_at_once():
    told = faults(
        ('"stadspas.warm.1"', '"zorgtoeslag.warm.1", "firm"'),
        ('"nl", "en"', '"nl", "fr"'),
        (OFFER, "nl.kalenders.aanvraagtermijn-nadert.v1"),
        (PASS_YEAR, OFFER),
        ("from = 2026-11-01", "from = 2020-01-01"),
    )

    assert [fault.split(" ")[0] for fault in told] == [
        "period.from", "languages", "variants", "variants", "trigger.signals", "trigger.calendar"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("yearly = { month = 1, day = 1 }", "date = 2027-01-01\nyearly = { month = 1, day = 1 }"), "keep one"),
        ((f'calendar = "{PASS_YEAR}"\n', ""), "calendar is missing"),
        ((f'"{OFFER}"', f'"{OFFER}", "{OFFER}"'), "keep one"),
        (("yearly = { month = 1, day = 1 }", "yearly = { month = 7, day = 1 }"), "never comes within the period"),
        (("yearly = { month = 1, day = 1 }", "date = 2028-01-01"), "never comes within the period"),
        (('card = "stadspas"', 'card = "pas"'), "use one of aio, bijzondere-bijstand, "),
        (("[period]", "[period"), "this is not TOML"),
    ],
)
def test_a_fault_says_what_to_mend(change, said):
    assert said in "; ".join(faults(change))


def test_a_trigger_needs_something_that_sets_it_off():
    changes = [
        (f'signals = ["{OFFER}"]\n', ""),
        ("yearly = { month = 1, day = 1 }\n", ""),
        (f'calendar = "{PASS_YEAR}"\n', ""),
    ]

    assert "nothing sets it off" in "; ".join(faults(*changes))


def test_a_card_that_is_left_to_people_or_not_published_has_no_campaign():
    human = SHIPPED.cards["stadspas"].weighing.model_copy(update={"level": Level.HUMAN_ONLY})

    assert "human_only" in "; ".join(faults(said=with_card(weighing=human)))
    assert "suspended" in "; ".join(faults(said=with_card(status=CardStatus.SUSPENDED)))
    assert "valid_until" in "; ".join(faults(said=with_card(valid_until=date(2027, 1, 31))))


def test_a_wording_must_be_ready_in_each_language():
    variants = dict(SHIPPED.variants)
    variants["stadspas.warm.1"] = replace(variants["stadspas.warm.1"], languages=frozenset({"nl"}))

    [fault] = faults(said=replace(SHIPPED, variants=variants))

    assert "'stadspas.warm.1'" in fault
    assert "'en'" in fault


# Its life.


def test_a_campaign_goes_from_draft_to_running_and_every_step_is_in_the_audit_trail(session):
    row = added(session)
    assert row.state == State.DRAFT
    campaigns.approve(session, "pas", SHIPPED, by="Bram", now=NOW)
    assert row.state == State.APPROVED
    campaigns.start(session, "pas", SHIPPED, by="Bram", now=NOW)
    campaigns.pause(session, "pas", "too many calls", by="Cas", now=NOW)
    assert (row.state, row.paused_because) == (State.PAUSED, "too many calls")
    campaigns.start(session, "pas", SHIPPED, by="Cas", now=NOW)
    assert (row.state, row.paused_because) == (State.RUNNING, None)
    campaigns.stop(session, "pas", by="Anna", now=NOW)
    assert row.state == State.STOPPED

    trail = session.exec(select(AuditRow).order_by(AuditRow.id)).all()
    assert [(line.who, line.action, line.subject) for line in trail] == [
        ("Anna", "campaign.add", "pas"),
        ("Bram", "campaign.approve", "pas"),
        ("Bram", "campaign.start", "pas"),
        ("Cas", "campaign.pause", "pas"),
        ("Cas", "campaign.start", "pas"),
        ("Anna", "campaign.stop", "pas"),
    ]
    assert trail[3].detail["because"] == "too many calls"


@pytest.mark.parametrize("editor", ["Anna", "anna ", "ANNA"])
def test_nobody_approves_what_they_edited(session, editor):
    added(session)

    with pytest.raises(RefusedError, match="edited pas"):
        campaigns.approve(session, "pas", SHIPPED, by=editor, now=NOW)


def test_who_edited_an_earlier_version_cannot_approve_a_later_one(session):
    added(session)
    added(session, ("hourly_maximum = 100", "hourly_maximum = 50"), by="Bram")

    for editor in ("Anna", "Bram"):
        with pytest.raises(RefusedError, match="edited pas"):
            campaigns.approve(session, "pas", SHIPPED, by=editor, now=NOW)
    campaigns.approve(session, "pas", SHIPPED, by="Cas", now=NOW)


def test_an_approver_who_is_found_among_the_editors_does_not_let_it_run(session):
    row = running(session)
    session.add(CampaignEditRow(campaign_id="pas", at=NOW, by="bram", content_hash="x"))
    session.flush()

    assert not facts(session, row).running


@pytest.mark.parametrize(
    "change",
    [
        ("De stadspas", "De pas"),
        ('"neutral"', '"practical"'),
        ('"nl", "en"', '"nl"'),
        ("[trigger]", "[audience]\nlinked_only = true\n[trigger]"),
        ("yearly = { month = 1, day = 1 }", "date = 2027-01-01"),
        ("until = 2027-02-28", "until = 2027-03-31"),
        ("hourly_maximum = 100", "hourly_maximum = 101"),
        ('learning = "trial"', 'learning = "fixed"'),
    ],
)
def test_a_change_makes_a_running_campaign_a_draft_without_approval(session, change):
    row = running(session)

    added(session, change, by="Cas")

    assert (row.state, row.approved_by, row.approved_at, row.approved_hash) == (State.DRAFT, None, None, None)
    assert not facts(session, row).running
    with pytest.raises(RefusedError, match="approved first"):
        campaigns.start(session, "pas", SHIPPED, by="Cas", now=NOW)


def test_the_same_file_once_more_changes_nothing(session):
    row = running(session)

    added(session, by="Cas")

    assert row.state == State.RUNNING
    assert ledger.editors(session, ["pas"]) == {"pas": {"Anna"}}


def changed_card(_):
    return with_card(version=2)


def changed_dutch(tmp_path):
    return reloaded(tmp_path, "messages/nudges/stadspas.toml", "Er is veel leuks te doen", "Er is veel te doen")


def changed_english(tmp_path):
    po = (Path(str(wording.data("locale"))) / "en/LC_MESSAGES").glob("*.po")
    [name] = [path.name for path in po if "stadspas.warm.1" in path.read_text(encoding="utf-8")]
    english = SHIPPED.say("stadspas.warm.1", "en").splitlines()[1].split(".")[0]
    return reloaded(tmp_path, f"locale/en/LC_MESSAGES/{name}", english, f"Well: {english}")


def changed_body(tmp_path):
    first = SHIPPED.cards["stadspas"].body.splitlines()[0]
    return reloaded(tmp_path, "messages/services/stadspas.toml", first, f"{first} Echt.")


@pytest.mark.parametrize("change", [changed_card, changed_dutch, changed_english, changed_body])
def test_an_approval_is_about_the_card_and_the_wordings_too(session, tmp_path, change):
    row = running(session)
    said = change(tmp_path)

    assert facts(session, row).running
    assert not facts(session, row, said).running
    [(_, waiting)] = campaigns.answering(campaigns.alive(session, said, NOW), OFFER, None, source="urn:x")
    assert (waiting.running, waiting.ended) == (False, False)
    campaigns.pause(session, "pas", "new words", by="Cas", now=NOW)
    with pytest.raises(RefusedError, match="changed since it was approved"):
        campaigns.start(session, "pas", said, by="Cas", now=NOW)


def test_a_campaign_whose_card_changed_runs_on_once_it_is_approved_again(session):
    row = running(session)
    said = with_card(version=2)

    campaigns.approve(session, "pas", said, by="Cas", now=NOW)

    assert row.approved_by == "Cas"
    assert facts(session, row, said).running
    assert not facts(session, row).running


def test_a_card_that_is_gone_stops_its_campaign(session):
    row = running(session)
    said = replace(SHIPPED, cards={})

    assert not facts(session, row, said).running
    assert campaigns.due(session, said, NOW) == []


def test_what_is_approved_already_or_not_fit_cannot_be_approved(session):
    added(session)
    with pytest.raises(RefusedError, match="suspended"):
        campaigns.approve(session, "pas", with_card(status=CardStatus.SUSPENDED), by="Bram", now=NOW)
    campaigns.approve(session, "pas", SHIPPED, by="Bram", now=NOW)
    with pytest.raises(RefusedError, match="nothing to approve"):
        campaigns.approve(session, "pas", SHIPPED, by="Cas", now=NOW)


def test_a_stopped_campaign_stays_stopped(session):
    row = running(session)
    campaigns.stop(session, "pas", by="Anna", now=NOW)

    for deed in (
        lambda: campaigns.start(session, "pas", SHIPPED, by="Bram", now=NOW),
        lambda: campaigns.approve(session, "pas", SHIPPED, by="Bram", now=NOW),
        lambda: campaigns.pause(session, "pas", "x", by="Bram", now=NOW),
        lambda: campaigns.stop(session, "pas", by="Bram", now=NOW),
        lambda: added(session, ("hourly_maximum = 100", "hourly_maximum = 50")),
    ):
        with pytest.raises(RefusedError):
            deed()
    assert row.state == State.STOPPED


def test_a_pause_has_a_reason_and_a_deed_has_somebody_who_does_it(session):
    running(session)

    with pytest.raises(RefusedError, match="Say why"):
        campaigns.pause(session, "pas", " ", by="Anna", now=NOW)
    with pytest.raises(RefusedError, match="Say who"):
        campaigns.stop(session, "pas", by=" ", now=NOW)
    with pytest.raises(RefusedError, match="no campaign other"):
        campaigns.stop(session, "other", by="Anna", now=NOW)


def test_a_campaign_runs_from_the_first_to_the_last_day_of_its_period_on_the_municipalitys_clock(session):
    row = running(session)
    first, after = datetime(2026, 11, 1, tzinfo=ZONE), datetime(2027, 3, 1, tzinfo=ZONE)
    instant = timedelta(microseconds=1)

    assert [facts(session, row, now=at).running for at in (first - instant, first, after - instant, after)] == [
        False, True, True, False
    ]  # fmt: skip


def test_a_campaign_whose_period_is_over_is_finished_and_cannot_start(session):
    row = running(session)
    over = datetime(2027, 3, 1, tzinfo=ZONE)
    campaigns.pause(session, "pas", "x", by="Anna", now=over)
    with pytest.raises(RefusedError, match="period of pas is over"):
        campaigns.start(session, "pas", SHIPPED, by="Anna", now=over)

    assert campaigns.finish(session, over - timedelta(seconds=1)) == []
    assert campaigns.finish(session, over) == ["pas"]
    assert row.state == State.FINISHED


WIDER = ("[trigger]", '[audience]\nsituations = ["moved"]\n[waves]\nnumber = 3\ndays_between = 7\n[trigger]')


def test_an_approval_from_before_situations_and_waves_still_holds(session):
    """Worked out here as the first version did; a file that uses neither has no word of them in it."""
    row = added(session)
    first = "id title card variants languages audience trigger period hourly_maximum learning"
    keys = [*row.definition["variants"], *(f"card.stadspas.{part}" for part in ("name", "plain", "body"))]
    content = {
        "campaign": row.definition,
        "card": SHIPPED.cards["stadspas"].model_dump(mode="json"),
        "wording": {key: {one: SHIPPED.wording_hash(key, one) for one in row.definition["languages"]} for key in keys},
        "days": [],
    }

    assert row.definition.keys() == set(first.split())
    assert row.definition["audience"] == {"linked_only": False}
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    assert campaigns.content_hash(campaigns.file_of(row), SHIPPED) == digest


def test_situations_and_waves_are_part_of_what_is_approved(session):
    row = running(session)
    approved = row.approved_hash
    row = added(session, WIDER)

    assert (row.state, row.approved_hash) == (State.DRAFT, None)
    hashes = {approved, campaigns.content_hash(campaigns.file_of(row), SHIPPED)}
    hashes.add(campaigns.content_hash(read(WIDER, ("number = 3", "number = 4")), SHIPPED))
    hashes.add(campaigns.content_hash(read(WIDER, ('"moved"', '"new-in-town"')), SHIPPED))
    told_otherwise = {**SHIPPED.situations}
    told_otherwise["moved"] = told_otherwise["moved"].model_copy(update={"signal": "nl.inwonersituaties.anders.v1"})
    hashes.add(campaigns.content_hash(campaigns.file_of(row), replace(SHIPPED, situations=told_otherwise)))
    assert len(hashes) == 5


def test_a_campaign_in_the_file_form_says_situations_and_waves(session):
    row = running(session, WIDER)
    campaign = facts(session, row)

    assert campaign.situations == ("nl.inwonersituaties.verhuisd-gemeld.v1",)
    assert campaign.waves == Waves(number=3, days=7)
    assert campaigns.file_of(row) == read(WIDER)


def test_a_situation_that_is_taken_from_the_texts_never_widens_the_audience(session):
    row = running(session, WIDER)
    fewer = {code: known for code, known in SHIPPED.situations.items() if code != "moved"}

    campaign = facts(session, row, replace(SHIPPED, situations=fewer))

    assert campaign.situations == ("moved",), "nobody tells a code"
    assert not campaign.running


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('"moved"', '"married"'), "audience.situations has 'married', which is not in messages/situations.toml"),
        (('"moved"', '"baby"'), "audience.situations has 'baby', which people did not tell for this card; use some of"),
        (('"moved"', '"moved", "moved"'), "audience.situations: one is named twice; keep one"),
        (("number = 3", "number = 1"), "waves.number = 1: input should be greater than or equal to 2"),
        (("number = 3", "number = 12"), "waves: the last of 12 begins 77 days after the first, and there are 73 days"),
        (("days_between = 7", "days_apart = 7"), "waves.days_between is missing; add it"),
    ],
)
def test_a_fault_in_situations_or_waves_says_what_to_mend(change, said):
    assert any(said in fault for fault in faults(WIDER, change)), faults(WIDER, change)


def test_waves_are_for_what_concerns_many():
    about_one = (f'yearly = {{ month = 1, day = 1 }}\ncalendar = "{PASS_YEAR}"', "")

    assert any("waits for no wave" in fault for fault in faults(WIDER, about_one))


def test_of_illness_and_debt_nothing_that_was_told_is_looked_at_again():
    tender = with_card(sensitivity=Sensitivity.S3)

    assert campaigns.situations_for("stadspas", SHIPPED) == ["moved", "new-in-town"]
    assert campaigns.situations_for("stadspas", tender) == []
    assert any("people told nothing for this card; take it out" in fault for fault in faults(WIDER, said=tender))


def test_everybody_who_had_a_hand_in_it_is_an_editor(session):
    row = campaigns.add(session, read(), SHIPPED, by="Anna", also=["Bram", "anna", "Anna"], now=NOW)

    assert ledger.editors(session, [row.id])[row.id] == {"Anna", "Bram", "anna"}
    with pytest.raises(RefusedError, match="bram edited"):
        campaigns.approve(session, row.id, SHIPPED, by="bram", now=NOW)


def test_the_funnel_of_a_hand_over_is_kept_with_what_it_was_about(session):
    row = added(session)
    assert campaigns.funnel.frozen(session, row.id) is None
    counted = Counted(people=50, reached=30, reasons={Reason.NO_CONSENT: 15, Reason.STOPPED: 5})
    campaigns.funnel.freeze(session, row.id, SHIPPED, counted, kind=OFFER, by="Anna", now=NOW)
    session.commit()
    session.expire_all()

    kept = campaigns.funnel.frozen(session, row.id)
    assert (kept.people, kept.reached, kept.reasons) == (50, 30, {"no_consent": 15, "stopped": 5})
    assert (kept.at, kept.by, kept.kind) == (NOW, "Anna", OFFER)
    assert kept.content_hash == campaigns.content_hash(read(), SHIPPED)


@dataclass(frozen=True)
class Counted:
    people: int
    reached: int
    reasons: dict


def test_the_facts_are_those_of_the_file(session):
    row = running(session, ("[trigger]", "[audience]\nlinked_only = true\n[trigger]"))
    session.commit()
    session.expire_all()

    campaign = facts(session, row)

    assert (campaign.id, campaign.card, campaign.theme) == ("pas", "stadspas", SHIPPED.cards["stadspas"].theme)
    assert campaign.variants == ("stadspas.neutral.1", "stadspas.warm.1")
    assert campaign.languages == {"nl", "en"}
    assert campaign.linked_only
    assert campaign.learning is Learning.TRIAL
    assert campaign.starts_at == datetime(2026, 11, 1, tzinfo=ZONE)
    assert campaign.running


# What sets it off.


def answering(session, kind, card=None, source="urn:x"):
    return [row.id for row, _ in campaigns.answering(campaigns.alive(session, SHIPPED, NOW), kind, card, source=source)]


def test_a_signal_sets_off_the_running_campaigns_of_its_type_and_card(session):
    running(session)
    running(session, ('id = "pas"', 'id = "pas-twee"'))
    added(session, ('id = "pas"', 'id = "draft"'))

    assert answering(session, OFFER) == ["pas", "pas-twee"]
    assert answering(session, OFFER, "stadspas") == ["pas", "pas-twee"]
    assert answering(session, OFFER, "mantelzorg") == []
    assert answering(session, PASS_YEAR) == []


def test_a_day_of_its_own_sets_off_its_campaign_only(session):
    running(session)
    running(session, ('id = "pas"', 'id = "pas-twee"'))

    assert answering(session, PASS_YEAR, "stadspas", f"{campaigns.CALENDAR_SOURCE}pas") == ["pas"]


def test_a_yearly_day_comes_when_its_window_on_the_card_opens(session):
    row = running(session)
    midnight = datetime(2027, 1, 1, tzinfo=ZONE)
    opens = datetime(2026, 12, 18, tzinfo=ZONE)  # earliest_day = -14

    assert campaigns.due_dates(row, SHIPPED, opens - timedelta(seconds=1)) == []
    assert campaigns.due_dates(row, SHIPPED, opens) == [("2027-01-01", midnight)]


def test_a_yearly_day_comes_each_year_but_not_for_years_that_were_over_before_it_began(session):
    row = running(session, ("until = 2027-02-28", "until = 2029-02-28"))
    later = datetime(2029, 2, 1, tzinfo=ZONE)

    assert [day for day, _ in campaigns.due_dates(row, SHIPPED, later)] == ["2027-01-01", "2028-01-01", "2029-01-01"]


def test_a_window_that_is_still_open_when_the_campaign_begins_counts(session):
    row = running(session, ("month = 1, day = 1", "month = 10, day = 1"))  # latest_day = 60

    assert [day for day, _ in campaigns.due_dates(row, SHIPPED, NOW)] == ["2026-10-01"]


def test_a_day_that_came_is_due_until_the_ledger_has_its_signal(session):
    running(session, ("yearly = { month = 1, day = 1 }", "date = 2026-12-01"))

    [day] = campaigns.due(session, SHIPPED, NOW)
    assert (day.source, day.external_id, day.type, day.card) == (
        "urn:handreiking:campaign:pas", "2026-12-01", PASS_YEAR, "stadspas"
    )  # fmt: skip
    assert day.occurred_at == datetime(2026, 12, 1, tzinfo=ZONE)

    signal = SignalRow(
        id="s", source=day.source, external_id=day.external_id, type=day.type, origin="calendar",
        occurred_at=day.occurred_at, received_at=NOW, addressed=False, data={},
    )  # fmt: skip
    session.add(signal)
    session.flush()
    assert campaigns.due(session, SHIPPED, NOW) == []


def test_a_day_of_a_campaign_that_does_not_run_is_not_due(session):
    running(session, ("yearly = { month = 1, day = 1 }", "date = 2026-12-01"))
    campaigns.pause(session, "pas", "x", by="Anna", now=NOW)

    assert campaigns.due(session, SHIPPED, NOW) == []


def test_a_campaign_set_off_by_signals_alone_has_no_days(session):
    changes = [("yearly = { month = 1, day = 1 }\n", ""), (f'calendar = "{PASS_YEAR}"\n', "")]

    assert campaigns.due_dates(running(session, *changes), SHIPPED, NOW) == []


def test_the_listing_tells_who_had_a_hand_in_it_and_can_be_written_as_json(session):
    running(session)
    session.commit()
    session.expire_all()

    [listed] = json.loads(json.dumps(campaigns.listing(session)))

    assert (listed["id"], listed["state"], listed["edited_by"], listed["approved_by"]) == (
        "pas", "running", ["Anna"], "Bram"
    )  # fmt: skip
    assert datetime.fromisoformat(listed["starts_at"]) == datetime(2026, 11, 1, tzinfo=ZONE)


def test_a_campaign_is_kept_as_it_was_read(sessions):
    with sessions() as session:
        running(session)
        session.commit()

    with sessions() as session:
        row = session.get(CampaignRow, "pas")
        assert campaigns.CampaignFile.model_validate(row.definition) == read()
        assert row.approved_hash == campaigns.content_hash(read(), SHIPPED)
