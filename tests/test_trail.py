"""The audit trail: whoever changes, inserts or takes out a row is found out, and the database refuses it first."""

import threading

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import select

from bot.store import ledger
from bot.store.tables import AuditRow
from tests.world import TUESDAY_TEN as NOW


def write(sessions, *subjects, who="eva"):
    with sessions.begin() as session:
        for subject in subjects:
            ledger.audit(session, NOW, who, "test", subject, n=1)


def verdict(sessions):
    with sessions() as session:
        return ledger.verify(session)


def test_each_row_is_chained_to_the_one_before(sessions):
    write(sessions, "a", "b")
    write(sessions, "c")

    found = verdict(sessions)

    assert (found.rows, found.loose, found.faults) == (3, 0, ())
    with sessions() as session:
        assert [row.place for row in session.exec(select(AuditRow).order_by(AuditRow.id))] == [1, 2, 3]


def test_what_is_rolled_back_leaves_no_gap(sessions):
    write(sessions, "a")
    with sessions() as session:
        ledger.audit(session, NOW, "eva", "test", "never")
        session.flush()
        session.rollback()
    write(sessions, "b")

    assert verdict(sessions).faults == ()
    assert verdict(sessions).rows == 2


def test_the_database_refuses_to_change_or_delete_a_row(sessions):
    write(sessions, "a")
    for statement in ("UPDATE audit SET who = 'sam'", "DELETE FROM audit"):
        with pytest.raises(DBAPIError, match="audit trail"), sessions.begin() as session:
            session.execute(text(statement))


@pytest.mark.parametrize(
    "forgery", ["UPDATE audit SET who = 'sam' WHERE place = 2", "DELETE FROM audit WHERE place = 2"]
)
def test_whoever_gets_round_the_database_is_found_out(engine, sessions, forgery):
    write(sessions, "a", "b", "c")
    with engine.begin() as connection:
        for trigger in ("audit_no_update", "audit_no_delete"):
            on = " ON audit" if engine.dialect.name == "postgresql" else ""
            connection.execute(text(f"DROP TRIGGER {trigger}{on}"))
        connection.execute(text(forgery))

    assert len(verdict(sessions).faults) >= 1


def test_many_who_write_at_once_make_one_chain(sessions):
    threads = [threading.Thread(target=lambda n=n: [write(sessions, f"{n}.{i}") for i in range(5)]) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    found = verdict(sessions)
    assert (found.rows, found.faults) == (20, ())
