import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from cloudevents.core.bindings.http import to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from bot import signals, wording
from bot.core.facts import Origin
from bot.errors import FaultsError, RefusedError
from bot.signals import Incoming, Refusal, RowFault, Source
from bot.signals.cloudevent import BATCH, STRUCTURED
from bot.signals.desk import like_a_bsn
from bot.store.tables import AuditRow, SourceRow

NOW = datetime(2026, 6, 15, 10, 0, tzinfo=UTC)
ZONE = ZoneInfo("Europe/Amsterdam")
CALENDAR = "nl.kalenders.aanvraagtermijn-nadert.v1"
OFFER = "nl.professionele-aanbiedingen.aanbod-voorgesteld.v1"
TOLD = "nl.inwonersituaties.zorgt-voor-iemand-gemeld.v1"
BORN = "nl.levensgebeurtenissen.achttien-geworden.v1"
NAME = "urn:nld:oin:00000001234567890000:systeem:kalender"
SOURCE = Source(name=NAME, types=frozenset({CALENDAR, OFFER, TOLD, BORN}))
SHIPPED = wording.load()
CARDS = frozenset(SHIPPED.cards)
KNOWN = signals.known_types(card.facts() for card in SHIPPED.cards.values())
BSN = "111222333"  # passes the eleven test; it is the one that examples use


def event(data=None, **attributes):
    whole = {"specversion": "1.0", "id": "e-1", "source": NAME, "type": CALENDAR, "time": "2026-06-15T07:00:00Z"}
    whole |= {} if data is None else {"data": data}
    return {name: value for name, value in (whole | attributes).items() if value != "left out"}


def offer(**data):
    given_data = {"deelnemer": "p_7Qk2mVn4xZ", "team": "Wijkteam Noord", "instemming": True}
    return event({name: value for name, value in (given_data | data).items() if value != "left out"}, type=OFFER)


def handed_in(body, *, media_type=STRUCTURED, source=SOURCE, known=KNOWN, headers=None, now=NOW):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {"Content-Type": media_type} | (headers or {})
    return signals.from_cloudevent(sent, raw, source, known, cards=CARDS, zone=ZONE, now=now)


def wrong(body, **how):
    refusal = handed_in(body, **how)
    assert isinstance(refusal, Refusal)
    return {fault.attribute: fault for fault in refusal.faults}


def test_a_deadline_becomes_a_signal_to_everybody_dated_at_the_deadline():
    [signal] = handed_in(event({"kaart": "zorgtoeslag", "uiterlijk": "2026-09-01"}))

    assert signal == Incoming(
        source=NAME,
        external_id="e-1",
        type=CALENDAR,
        origin=Origin.CALENDAR,
        occurred_at=datetime(2026, 9, 1, tzinfo=ZONE),
        card="zorgtoeslag",
        data={"uiterlijk": "2026-09-01"},
    )
    assert not signal.addressed


def test_an_offer_names_a_person_who_agreed_and_the_team_that_thought_of_them():
    [signal] = handed_in(offer(kaart="stadspas"))

    assert (signal.reference, signal.said_by, signal.card) == ("p_7Qk2mVn4xZ", "Wijkteam Noord", "stadspas")
    assert signal.origin is Origin.PROFESSIONAL
    assert signal.data == {"instemming": True}
    assert signal.addressed


def test_a_reference_is_not_shown_when_a_signal_is_printed():
    [signal] = handed_in(offer())

    assert "p_7Qk2mVn4xZ" not in repr(signal)


@pytest.mark.parametrize("write", [to_structured_event, to_binary_event])
def test_what_the_library_writes_is_read(write):
    written = write(
        CloudEvent(
            {"id": "é 1".encode().hex(), "source": NAME, "type": CALENDAR, "time": NOW, "sequence": "7",
             "datacontenttype": "application/json"},
            {"kaart": "zorgtoeslag", "uiterlijk": "2026-09-01"},
        )
    )  # fmt: skip

    [signal] = signals.from_cloudevent(written.headers, written.body, SOURCE, KNOWN, cards=CARDS, zone=ZONE, now=NOW)

    assert (signal.external_id, signal.card) == ("é 1".encode().hex(), "zorgtoeslag")


def test_a_signal_without_time_or_date_happened_now_and_without_them_when_it_was_logged():
    [undated] = handed_in(event(time="left out"))
    [dated] = handed_in(event(time="2026-06-14T23:30:00.123456789+02:00"))

    assert undated.occurred_at == NOW
    assert dated.occurred_at == datetime(2026, 6, 14, 21, 30, 0, 123456, tzinfo=UTC)


def test_the_day_it_happened_counts_before_the_moment_it_was_logged():
    [signal] = handed_in(offer(gebeurtenisOp="2026-06-10"))

    assert signal.occurred_at == datetime(2026, 6, 10, tzinfo=ZONE)


def test_only_a_calendar_knows_the_day_of_what_is_to_come():
    [signal] = handed_in(event({"gebeurtenisOp": "2026-11-10"}))

    assert signal.occurred_at == datetime(2026, 11, 10, tzinfo=ZONE)
    assert list(wrong(offer(gebeurtenisOp="2026-11-10"))) == ["data.gebeurtenisOp"]


@pytest.mark.parametrize("other", ["uiterlijk", "gebeurtenisOp"])
def test_an_event_has_one_date(other):
    dates = {"uiterlijk": "2026-09-01", "gebeurtenisOp": "2026-06-01"}

    assert list(wrong(event(dates))) == ["data.uiterlijk"]
    assert len(handed_in(event({other: dates[other]}))) == 1


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("id", "left out"),
        ("id", ""),
        ("id", 7),
        ("id", "a b"),
        ("id", "nul\0"),
        ("id", "x" * 201),
        ("id", BSN),
        ("source", "left out"),
        ("source", ["urn:x"]),
        ("specversion", "left out"),
        ("specversion", "0.3"),
        ("specversion", 1.0),
        ("type", "left out"),
        ("type", "kalenders.x.v1"),
        ("type", "nl.kalenders.x"),
        ("type", {"a": 1}),
        ("time", "2026-06-15T07:00:00"),
        ("time", "2026-06-15"),
        ("time", "2026-02-30T07:00:00Z"),
        ("time", "2026-06-15T07:00:60Z"),
        ("time", "0001-01-01T00:00:00+23:59"),
        ("time", "9999-12-31T23:59:59-23:59"),
        ("time", "2026-06-16T10:00:01Z"),
        ("time", 1781500000),
        ("datacontenttype", "text/xml"),
        ("datacontenttype", ""),
        ("datacontenttype", 5),
        ("dataschema", 5),
        ("subject", "p_7Qk2mVn4xZ"),
        ("data_base64", "e30="),
        ("veelteveeltekensinnaam", "x"),
        ("Upper", "x"),
        ("under_score", "x"),
    ],
)
def test_an_attribute_that_breaks_the_profile_is_named(attribute, value):
    faults = wrong(event(**{attribute: value}))

    assert list(faults) == [attribute]
    assert faults[attribute].mend


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("deelnemer", "left out"),
        ("deelnemer", "abc"),
        ("deelnemer", "x" * 129),
        ("deelnemer", "met spatie"),
        ("deelnemer", "p_7Qk2…pseudoniem"),
        ("deelnemer", 12345),
        ("deelnemer", BSN),
        ("deelnemer", f"bsn:{BSN}"),
        ("deelnemer", "1112.22.333"),
        ("kaart", "bestaat-niet"),
        ("kaart", ["stadspas"]),
        ("team", "left out"),
        ("team", "x" * 81),
        ("team", " "),
        ("team", "Noord\0"),
        ("team", "Noord\ud800"),
        ("team", f"over {BSN}"),
        ("instemming", "left out"),
        ("instemming", False),
        ("instemming", "ja"),
        ("instemming", 1),
        ("instemming", []),
        ("gebeurtenisOp", "15-06-2026"),
        ("gebeurtenisOp", "2026-02-30"),
        ("gebeurtenisOp", "2026-06-17"),
        ("gebeurtenisOp", "1999-12-31"),
        ("uiterlijk", "9999-12-31"),
        ("uiterlijk", 20260901),
        ("gemeldOp", "2026-06-15"),
        ("bedrag", 120.50),
        ("naam", "J. Jansen"),
    ],
)
def test_a_data_field_that_does_not_fit_is_named(field, value):
    assert list(wrong(offer(**{field: value}))) == [f"data.{field}"]


@pytest.mark.parametrize(
    ("field", "value"),
    [("deelnemer", BSN), ("deelnemer", "met spatie"), ("team", f"over {BSN}"), ("naam", "J. Jansen"), ("bsn", BSN)],
)
def test_what_may_be_personal_is_not_told_back(field, value):
    refusal = handed_in(offer(**{field: value}))

    assert value not in json.dumps(refusal.problem())


def test_a_subject_is_refused_with_the_place_where_the_reference_belongs():
    fault = wrong(event(subject=BSN))["subject"]

    assert "data.deelnemer" in fault.mend
    assert BSN not in fault.value


@pytest.mark.parametrize("kind", [OFFER, TOLD])
def test_only_the_calendar_may_speak_to_nobody_in_particular(kind):
    assert "data.deelnemer" in wrong(event({"team": "Wijkteam Noord", "instemming": True}, type=kind))


def test_everything_that_is_wrong_is_told_at_once():
    faults = wrong(
        event({"deelnemer": BSN, "naam": "x"}, id="left out", specversion="0.3", time="gisteren", subject="x")
    )

    assert set(faults) == {"id", "specversion", "time", "subject", "data.deelnemer", "data.naam"}


def test_a_key_hands_in_for_its_own_source_and_types_only():
    elsewhere = handed_in(event(source="urn:nld:gemeente-x.ander"))
    beyond = handed_in(event(), source=replace(SOURCE, types=frozenset({OFFER})))

    assert (elsewhere.status, [fault.attribute for fault in elsewhere.faults]) == (403, ["source"])
    assert (beyond.status, [fault.attribute for fault in beyond.faults]) == (403, ["type"])


def test_a_type_that_no_card_has_switched_on_is_refused_with_those_that_are():
    refusal = handed_in(event(type=BORN))

    assert refusal.status == 422
    assert CALENDAR in refusal.faults[0].mend


@pytest.mark.parametrize(
    ("basis", "dpia", "status"),
    [(None, None, 403), ("Wet X art. 1", None, 403), (None, "DPIA-7", 403), ("Wet X art. 1", "DPIA-7", 202)],
)
def test_a_register_signal_needs_a_legal_basis_and_a_dpia(basis, dpia, status):
    source = replace(SOURCE, legal_basis=basis, dpia=dpia)

    answer = handed_in(
        event({"deelnemer": "p_7Qk2mVn4xZ"}, type=BORN), source=source, known={**KNOWN, BORN: Origin.REGISTER}
    )

    assert (answer.status if isinstance(answer, Refusal) else 202) == status


def test_a_batch_is_taken_whole():
    answer = handed_in([event(id="1"), event(id="2")], media_type=f"{BATCH}; charset=utf-8")

    assert [signal.external_id for signal in answer] == ["1", "2"]


def test_a_batch_with_one_fault_is_refused_whole_and_each_fault_says_which_event():
    refusal = handed_in([event(), event(id=""), 7, offer(kaart="x")], media_type=BATCH)

    assert refusal.status == 422
    assert {fault.attribute for fault in refusal.faults} == {"[1].id", "[2]", "[3].data.kaart"}


def test_an_empty_batch_is_taken_and_too_large_a_one_is_not():
    assert handed_in([], media_type=BATCH) == []
    assert handed_in([event()] * 501, media_type=BATCH).status == 413


@pytest.mark.parametrize(
    ("body", "media_type", "status"),
    [
        (b"{", STRUCTURED, 400),
        (b"", STRUCTURED, 400),
        (b"\xff", STRUCTURED, 400),
        (b'{"id": "a", "id": "b"}', STRUCTURED, 400),
        (b'{"id": NaN}', STRUCTURED, 400),
        (b"[" * 100_000, STRUCTURED, 400),
        (b'{"a":' * 50_000, BATCH, 400),
        (b"9" * 5_000, STRUCTURED, 400),
        (b"{}", BATCH, 400),
        (b"[]", STRUCTURED, 422),
        (b"{}", "application/json", 415),
        (b"{}", "text/plain", 415),
        (b"{}", "", 415),
    ],
)
def test_a_body_that_is_not_what_it_says_is_refused(body, media_type, status):
    assert handed_in(body, media_type=media_type).status == status


def test_binary_data_must_be_json():
    headers = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": NAME, "ce-type": CALENDAR}

    assert handed_in(b"<x/>", media_type="text/xml", headers=headers).status == 415
    assert handed_in(b"<x/>", media_type="application/json", headers=headers).status == 400
    assert [signal.external_id for signal in handed_in(b"", media_type="", headers=headers)] == ["1"]


def test_a_problem_names_the_attribute_the_value_and_the_mend():
    problem = handed_in(event(type="nl.x")).problem()

    assert problem["status"] == 422
    assert problem["faults"] == [
        {"attribute": "type", "value": "nl.x", "mend": "give a type such as nl.kalenders.aanvraagtermijn-nadert.v1"}
    ]


def test_the_eleven_test_tells_a_bsn_from_other_numbers():
    assert like_a_bsn(BSN)
    assert like_a_bsn(f"BSN{BSN}")
    assert not like_a_bsn("111222334")
    assert not like_a_bsn("0b6a2c0e-7a57-4f0e-9a4f-2f0c6f6a2a10")
    assert not like_a_bsn("1112223331")


_anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
_names = st.sampled_from(["id", "source", "type", "specversion", "time", "datacontenttype", "dataschema", "subject"])
_fields = st.sampled_from(["deelnemer", "kaart", "team", "instemming", "gebeurtenisOp", "uiterlijk"])
_odd_event = st.builds(
    lambda attributes, data, odd: offer() | attributes | {"data": odd or (offer()["data"] | data)},
    st.dictionaries(_names | st.text(max_size=22), _anything, max_size=3),
    st.dictionaries(_fields | st.text(max_size=8), _anything, max_size=3),
    st.none() | _anything,
)


@given(body=st.binary(max_size=200) | _anything.map(json.dumps).map(str.encode), batch=st.booleans())
def test_no_body_breaks_the_border(body, batch):
    answer = handed_in(body, media_type=BATCH if batch else STRUCTURED)

    assert isinstance(answer, Refusal) or answer == []


@given(odd=_odd_event)
def test_whatever_is_taken_in_is_fit_to_be_kept(odd):
    answer = handed_in(odd)

    if isinstance(answer, Refusal):
        json.dumps(answer.problem(), ensure_ascii=False).encode()
        return
    [signal] = answer
    kept = [signal.external_id, signal.reference, signal.card, signal.said_by, *map(str, signal.data.values())]
    assert all(text is None or text.isprintable() for text in kept)
    assert signal.data.keys() <= {"instemming", "gebeurtenisOp", "uiterlijk"}
    signal.occurred_at.astimezone(UTC)


@given(
    headers=st.dictionaries(st.text(max_size=12).map("ce-{}".format), st.text(max_size=30)), body=st.binary(max_size=40)
)
def test_no_header_breaks_the_border(headers, body):
    assert isinstance(handed_in(body, media_type="application/json", headers=headers), Refusal)


# Files.


def rows(text, **how):
    read = signals.from_csv(text.splitlines(keepends=True), SOURCE, KNOWN, cards=CARDS, zone=ZONE, now=NOW, **how)
    return list(read)


def test_a_file_gives_its_signals_in_order():
    read = rows(
        "id,type,time,reference,card,team,agreed\n"
        f"r1,{CALENDAR},2026-06-15T07:00:00Z,,zorgtoeslag,,\n"
        "\n"
        f'r2,{OFFER},2026-06-15T08:00:00+02:00,p_7Qk2mVn4xZ,stadspas,"Wijkteam ""Noord""",ja\n'
    )

    assert [(signal.external_id, signal.card, signal.said_by) for signal in read] == [
        ("r1", "zorgtoeslag", None),
        ("r2", "stadspas", 'Wijkteam "Noord"'),
    ]


def test_semicolons_and_a_byte_order_mark_are_what_a_spreadsheet_writes():
    [signal] = rows(f"\ufeffid;type;time;deadline\nr1;{CALENDAR};2026-06-15T07:00:00Z;2026-09-01\n")

    assert signal.occurred_at == datetime(2026, 9, 1, tzinfo=ZONE)


def test_every_refused_row_is_told_with_its_line_and_column_and_the_others_go_on():
    read = rows(
        "id,type,time,reference,card,team,agreed\n"
        f"r1,{CALENDAR},gisteren,,geen-kaart,,\n"
        f'r2,{OFFER},2026-06-15T08:00:00Z,{BSN},stadspas,"Wijkteam\nNoord",nee\n'
        f"r3,{CALENDAR},,,,,\n"
        "r4,x\n"
        f"r5,{CALENDAR},2026-06-15T07:00:00Z,,,,\n"
    )

    faults = [(fault.row, fault.column) for fault in read if isinstance(fault, RowFault)]
    assert sorted(faults) == [
        (2, "card"), (2, "time"), (3, "agreed"), (3, "reference"), (3, "team"), (5, "time"), (6, "(row)")
    ]  # fmt: skip
    assert [signal.external_id for signal in read if isinstance(signal, Incoming)] == ["r5"]
    assert not any(BSN in str(fault) for fault in read)


def test_a_header_that_does_not_fit_gives_its_faults_and_no_signal():
    faults = rows(f"id,type,naam,id\nr1,{CALENDAR},Jansen,r1\n")

    assert {(fault.row, fault.column) for fault in faults} == {(1, "naam"), (1, "id"), (1, "time")}


def test_an_empty_file_asks_for_its_columns():
    assert {fault.column for fault in rows("")} == {"id", "type", "time"}


def test_a_file_is_read_as_it_goes():
    def lines():
        yield "id,type,time\n"
        for number in range(3):
            yield f"r{number},{CALENDAR},2026-06-15T07:00:00Z\n"
        raise AssertionError("read too far")

    read = signals.from_csv(lines(), SOURCE, KNOWN, cards=CARDS, zone=ZONE, now=NOW)

    assert [next(read).external_id for _ in range(3)] == ["r0", "r1", "r2"]


@given(text=st.text(alphabet=st.characters(exclude_categories=()), max_size=80))
def test_no_cell_breaks_the_reading_of_a_file(text):
    for read in rows(f"id,type,time,team\nr1,{CALENDAR},2026-06-15T07:00:00Z,{text}\n"):
        assert isinstance(read, Incoming | RowFault)


# Keys.


def made(session, name=NAME, types=(CALENDAR,), **how):
    return signals.new_key(session, name, types, by="Anna", now=NOW, **how)


def test_a_key_opens_for_its_source_with_its_types(sessions):
    with sessions() as session:
        key = made(session, types=(OFFER, CALENDAR), legal_basis="Wet X", dpia="DPIA-7")
        session.commit()

    with sessions() as session:
        source = signals.find_source(session, key, now=NOW)
        assert source == Source(name=NAME, types=frozenset({OFFER, CALENDAR}), legal_basis="Wet X", dpia="DPIA-7")
        assert signals.find_source(session, f"{key}x", now=NOW) is None
        assert signals.find_source(session, "\ud800", now=NOW) is None


def test_a_key_is_not_kept(sessions):
    with sessions() as session:
        key = made(session)
        session.commit()

    with sessions() as session:
        kept = [row.model_dump_json() for table in (SourceRow, AuditRow) for row in session.exec(select(table))]
        assert not any(key in text for text in kept)
        assert key not in json.dumps(signals.listing(session))


def test_after_a_rotation_the_old_key_opens_until_a_moment_and_the_one_before_it_no_more(sessions):
    def opens(key, later=timedelta(0)):
        with sessions.begin() as session:
            return signals.find_source(session, key, now=NOW + later) is not None

    with sessions.begin() as session:
        first = signals.new_key(session, NAME, {CALENDAR}, by="Anna", now=NOW)
        second = signals.rotate_key(session, NAME, old_works_for=timedelta(hours=24), by="Bram", now=NOW)
    assert opens(first, timedelta(hours=23, minutes=59))
    assert not opens(first, timedelta(hours=24))
    assert opens(second, timedelta(days=90))

    with sessions.begin() as session:
        third = signals.rotate_key(session, NAME, old_works_for=timedelta(hours=1), by="Bram", now=NOW)
    assert [opens(key) for key in (first, second, third)] == [False, True, True]
    with sessions.begin() as session:
        fourth = signals.rotate_key(session, NAME, old_works_for=timedelta(0), by="Bram", now=NOW)
    assert [opens(key) for key in (third, fourth)] == [False, True]


def test_revoking_ends_the_old_key_too_and_a_revoked_source_is_not_rotated(sessions):
    with sessions.begin() as session:
        first = signals.new_key(session, NAME, {CALENDAR}, by="Anna", now=NOW)
        second = signals.rotate_key(session, NAME, old_works_for=timedelta(hours=24), by="Anna", now=NOW)
        signals.revoke_key(session, NAME, by="Anna", now=NOW)
        assert [signals.find_source(session, key, now=NOW) for key in (first, second)] == [None, None]
        with pytest.raises(RefusedError, match="no key that works"):
            signals.rotate_key(session, NAME, old_works_for=timedelta(0), by="Anna", now=NOW)
        third = signals.new_key(session, NAME, {CALENDAR}, by="Anna", now=NOW)
        assert signals.find_source(session, first, now=NOW) is None
        assert signals.find_source(session, third, now=NOW) is not None


def test_a_revoked_key_opens_nothing_and_a_new_one_takes_its_place(sessions):
    with sessions() as session:
        old = made(session)
        with pytest.raises(RefusedError, match="Revoke it first"):
            made(session)
        signals.revoke_key(session, NAME, by="Anna", now=NOW)
        assert signals.find_source(session, old, now=NOW) is None
        with pytest.raises(RefusedError, match="nothing to revoke"):
            signals.revoke_key(session, NAME, by="Anna", now=NOW)
        new = made(session, types=(OFFER,))

        assert signals.find_source(session, old, now=NOW) is None
        assert signals.find_source(session, new, now=NOW).types == {OFFER}
        actions = session.exec(select(AuditRow.action).order_by(AuditRow.id)).all()
        assert actions == ["source.key", "source.revoke", "source.key"]


@pytest.mark.parametrize("name", ["", "met spatie", "urn:handreiking:campaign:x", "ürn:x"])
def test_a_source_is_a_uri_that_is_not_ours_and_its_types_are_types(sessions, name):
    with sessions() as session, pytest.raises(FaultsError) as caught:
        made(session, name=name, types=("x",))

    assert len(caught.value.faults) == 2


def test_when_a_source_was_last_seen_is_kept_to_the_minute(sessions):
    with sessions() as session:
        key = made(session)
        for later in (0, 59, 61):
            signals.find_source(session, key, now=NOW + timedelta(seconds=later))

        [listed] = signals.listing(session)
        assert listed["last_seen_at"] == (NOW + timedelta(seconds=61)).isoformat()
