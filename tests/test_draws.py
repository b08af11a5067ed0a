"""The keys that decisions are drawn with: committed to, kept sealed, revealed, and the same for two planners."""

import hashlib
import hmac
import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update
from sqlmodel import col, select

from bot import planning
from bot.core.facts import Learning
from bot.errors import RefusedError, UnreadableError
from bot.planning import epochs
from bot.store import ledger
from bot.store.tables import AuditRow, DecisionRow, DrawEpochRow, GuardRow
from bot.store.vault import Vault
from tests.test_cli import _logging_as_it_was, _no_settings, handreiking, keys, municipality  # noqa: F401 - fixtures
from tests.world import World

SECRET = b"thirty-two bytes nobody may see!"
END_OF_2026 = datetime(2027, 1, 1, tzinfo=UTC)


@pytest.fixture
def world(sessions, wording, vault):
    made = World(sessions, wording, vault)
    made.journey.new_key = lambda: SECRET
    return made


@pytest.fixture
def drawn(world):
    """The decision about somebody in a trial."""
    world.campaign(learning=Learning.TRIAL)
    world.joins("anna", "money")
    world.signal()
    world.tick()
    [decision] = world.decisions()
    assert decision.draw_send is not None
    return decision


def epochs_of(world):
    with world.sessions() as session:
        return list(planning.all_epochs(session))


def audited(world, action):
    with world.sessions() as session:
        return list(session.exec(select(AuditRow).where(col(AuditRow.action) == action)))


def revealed(world):
    world.now = END_OF_2026 + epochs.SETTLED
    world.journey.guard()
    return world


def test_a_decision_is_drawn_with_the_key_of_its_quarter(world, drawn):
    def by_hand(what):
        digest = hmac.new(SECRET, f"{drawn.id}\x1f{what}".encode(), hashlib.sha256).digest()
        return (int.from_bytes(digest[:8], "big") >> 11) / 2**53

    assert drawn.epoch == "2026-Q4"
    assert (drawn.draw_send, drawn.draw_tone) == (by_hand("send"), by_hand("tone"))
    assert drawn.draw_send != world.vault.draw(drawn.id, "send")


def test_what_the_gate_settles_was_not_drawn(world):
    world.campaign()
    world.joins("anna", "money")
    world.signal()
    world.say("anna", "/stop")
    world.tick()

    assert [(decision.available, decision.epoch) for decision in world.decisions()] in ([], [(False, None)])


def test_its_hash_is_published_with_the_first_draw_at_the_latest(world, drawn):
    [epoch] = epochs_of(world)

    assert epoch.key_hash == hashlib.sha256(SECRET).hexdigest()
    assert epoch.created_at <= drawn.decided_at
    assert [row.detail for row in audited(world, "draws.commit")] == [{"key_hash": epoch.key_hash}]
    assert epoch.revealed is None


def test_the_coming_quarters_hash_is_published_before_it_begins(world):
    world.now = END_OF_2026 - epochs.AHEAD - timedelta(hours=1)
    world.journey.guard()
    assert [epoch.id for epoch in epochs_of(world)] == ["2026-Q4"]

    world.later(hours=2)
    world.journey.guard()

    assert [epoch.id for epoch in epochs_of(world)] == ["2026-Q4", "2027-Q1"]
    assert epochs_of(world)[1].created_at < epochs_of(world)[1].starts_at


def test_a_key_is_revealed_only_when_nothing_is_drawn_with_it_any_more(world, drawn):
    world.now = END_OF_2026 + epochs.SETTLED - timedelta(seconds=1)
    world.journey.guard()
    assert epochs_of(world)[0].revealed is None
    with world.sessions() as session, pytest.raises(RefusedError, match="2027-01-02"):
        planning.check(session, drawn.id)

    world.later(seconds=1)
    world.journey.guard()
    world.journey.guard()

    past, present = epochs_of(world)
    assert past.revealed == SECRET.hex()
    assert past.revealed_at == world.now
    assert present.revealed is None
    assert [row.subject for row in audited(world, "draws.reveal")] == ["2026-Q4"]


def test_anybody_can_make_a_draw_again_from_the_revealed_key(world, drawn):
    with revealed(world).sessions() as session:
        checked = planning.check(session, drawn.id)

    assert checked.agrees
    assert checked.again == (drawn.draw_send, drawn.draw_tone)
    assert hashlib.sha256(bytes.fromhex(checked.key)).hexdigest() == epochs_of(world)[0].key_hash


def test_a_draw_or_a_key_that_was_changed_shows(world, drawn):
    with revealed(world).sessions() as session:
        session.execute(update(DecisionRow).values(draw_send=0.123))
        assert not planning.check(session, drawn.id).agrees
        session.rollback()
        session.execute(update(DrawEpochRow).values(revealed=(b"x" * 32).hex()))
        checked = planning.check(session, drawn.id)
        assert not checked.hash_fits
        assert not checked.agrees


def test_what_cannot_be_checked_is_refused_with_the_reason(world, drawn):
    with revealed(world).sessions() as session:
        with pytest.raises(RefusedError, match="no decision"):
            planning.check(session, "nobody")
        session.execute(update(DecisionRow).values(epoch=None))
        with pytest.raises(RefusedError, match="before there were keys"):
            planning.check(session, drawn.id)
        session.execute(update(DecisionRow).values(draw_send=None))
        session.expire_all()
        with pytest.raises(RefusedError, match="Nothing was drawn"):
            planning.check(session, drawn.id)


def test_decisions_of_before_and_of_now_are_replayed_each_with_its_own_key(world, drawn):
    assert world.journey.replay(drawn.id).differences == []

    with world.sessions.begin() as session:
        session.execute(update(DecisionRow).values(epoch=None))
    assert {"draw_send", "draw_tone"} <= set(world.journey.replay(drawn.id).differences)

    world.journey.new_key = None  # a replay makes no key
    with world.sessions.begin() as session:
        finding = world.vault.draw(drawn.id, "send"), world.vault.draw(drawn.id, "tone")
        session.execute(update(DecisionRow).values(draw_send=finding[0], draw_tone=finding[1]))
    assert not {"draw_send", "draw_tone"} & set(world.journey.replay(drawn.id).differences)


def test_a_doubt_is_written_down_with_the_decision_and_handed_back_to_a_replay(world):
    world.campaign(learning=Learning.ADAPTIVE)
    world.joins("anna", "money")
    with world.sessions.begin() as session:
        session.add(GuardRow(watched=planning.LEARNING, counts={}, alarm="the coin is bent", updated_at=world.now))
    world.signal()
    world.tick()

    [decision] = world.decisions()
    assert (decision.fallback, decision.p_send) == ("the coin is bent", 0.5)
    with world.sessions.begin() as session:
        ledger.count_from_now(session, planning.LEARNING, world.now)
    assert world.journey.replay(decision.id).differences == []


@pytest.mark.parametrize("learning", [Learning.FIXED, Learning.TRIAL])
def test_a_doubt_is_nothing_to_campaigns_that_do_not_learn(world, learning):
    world.campaign(learning=learning)
    world.joins("anna", "money")
    with world.sessions.begin() as session:
        session.add(GuardRow(watched=planning.LEARNING, counts={}, alarm="the coin is bent", updated_at=world.now))
    world.signal()
    world.tick()

    [decision] = world.decisions()
    assert decision.fallback is None


def test_of_two_planners_at_the_turn_of_the_quarter_both_get_the_key_of_the_first(world, engine):
    at, began = END_OF_2026, threading.Event()
    got = []

    def second_key():
        began.set()
        return b"2" * 32

    def plan():
        with world.sessions.begin() as session:
            got.append(planning.epoch_at(session, world.vault, at, second_key))

    other = threading.Thread(target=plan)
    with world.sessions.begin() as session:
        first = planning.epoch_at(session, world.vault, at, lambda: b"1" * 32)
        other.start()
        if engine.dialect.name == "postgresql":  # on SQLite it cannot even begin before the first has ended
            assert began.wait(30)
    other.join(30)

    assert got == [first]
    assert [epoch.id for epoch in epochs_of(world)] == ["2027-Q1"]
    assert len(audited(world, "draws.commit")) == 1


def test_a_batch_asks_for_its_key_once(world):
    world.campaign(learning=Learning.TRIAL)
    for number in range(5):
        world.joins(f"p{number}", "money")
    opened = []

    class Counting(Vault):
        def open(self, sealed):
            opened.append(sealed)
            return world.vault.open(sealed)

        def __init__(self):
            self.__dict__ |= world.vault.__dict__

    world.signal()
    world.journey.plan()
    world.journey.vault = Counting()
    assert world.journey.decide() == 5

    [epoch] = epochs_of(world)
    assert opened.count(epoch.key_sealed) == 1


def test_the_key_is_nowhere_to_be_read_before_it_is_revealed(world, drawn, caplog):
    caplog.set_level("DEBUG")
    world.journey.guard()
    [epoch] = epochs_of(world)
    with world.sessions() as session:
        trail = str([(row.action, row.detail) for row in session.exec(select(AuditRow))])
        batch = planning.epoch_at(session, world.vault, world.now)
    stored = f"{epoch!r} {batch!r} {drawn!r} {trail} {caplog.text}"

    assert batch.key == SECRET
    assert SECRET.hex() not in stored
    assert SECRET.decode() not in stored
    assert epoch.key_sealed not in repr(epoch)


def test_without_the_key_that_seals_it_nobody_is_written_to(world):
    world.campaign()
    world.joins("anna", "money")
    with world.sessions.begin() as session:
        planning.epoch_at(session, world.vault, world.now, lambda: SECRET)
        session.execute(update(DrawEpochRow).values(key_sealed=world.vault.seal("x")[:-4] + "AAAA"))
    world.signal()
    world.journey.plan()

    with pytest.raises(UnreadableError):
        world.journey.decide()

    assert world.nudges() == []
    assert world.decisions() == []


def test_the_command_lists_the_quarters_and_checks_a_draw(municipality, sessions, wording, monkeypatch):  # noqa: F811
    from bot.cli import parts

    municipality("migrate")
    world = World(sessions, wording, parts.from_environment().vault)
    world.journey.new_key = lambda: SECRET
    world.campaign(learning=Learning.TRIAL)
    world.joins("anna", "money")
    world.signal()
    world.tick()
    [decision] = world.decisions()

    code, printed, _ = municipality("draws")
    assert code == 0
    assert hashlib.sha256(SECRET).hexdigest() in printed
    assert SECRET.hex() not in printed
    code, _, said = municipality("draws", "verify", decision.id)
    assert code != 0
    assert "revealed from 2027-01-02" in said

    revealed(world)
    code, printed, _ = municipality("draws", "verify", decision.id)
    assert code == 0
    assert SECRET.hex() in printed
    assert "DIFFERS" not in printed
    assert SECRET.hex() in municipality("draws", "list", "--json")[1]
    with sessions.begin() as session:
        session.execute(update(DecisionRow).values(draw_tone=0.5))
    code, printed, _ = municipality("draws", "verify", decision.id, "--json")
    assert code == 1
    assert '"hash_fits": true' in printed
