"""Codes for letters: made in a batch, given out once, counted, revoked."""

import csv
import html
import io
import re
from datetime import timedelta

import pytest
from sqlmodel import select

from bot import links
from bot.core.talk import LinkResult
from bot.store import ledger
from bot.store.tables import AuditRow, LinkBatchRow, LinkCodeRow

FORM = {"batch": "batch-1", "purpose": "Brief december", "count": "3", "days": "30"}


@pytest.fixture
def ada(town):
    with town.sessions.begin() as session:
        ledger.set_mark(session, links.BOT, {"username": "@voorbeeldbot"}, town.now)
    return town.as_("ada")


def codes_on(page):
    return re.findall(r'class="code"[^>]*>([A-Z0-9-]+)<', page.text)


def use(town, code, citizen):
    with town.sessions.begin() as session:
        return links.use_code(session, town.vault, code, citizen, town.now)


def test_codes_are_made_work_once_and_are_counted(town, ada):
    town.joins("anna", "money")
    made = ada.post("/administration/codes", **FORM)
    codes = codes_on(made)

    assert len(set(codes)) == 3
    assert made.text.count("<svg") == 3
    assert use(town, codes[0], town.citizen("anna").id) is LinkResult.LINKED
    page = ada.get("/administration/codes").text
    assert re.search(r'Brief december.*<td class="num">3</td><td class="num">1</td>\s*<td>2, until', page, re.DOTALL)
    town.later(days=29)
    assert use(town, codes[1], town.citizen("anna").id) is LinkResult.LINKED
    town.later(days=2)
    assert use(town, codes[2], town.citizen("anna").id) is LinkResult.EXPIRED


def test_they_are_shown_once_and_kept_nowhere(town, ada):
    codes = codes_on(ada.post("/administration/codes", **FORM))

    again = ada.post("/administration/codes", **FORM)
    assert again.status_code == 409
    assert "cannot be shown again" in again.text
    with town.sessions() as session:
        tables = (LinkBatchRow, LinkCodeRow, AuditRow)
        kept = [row.model_dump_json() for table in tables for row in session.exec(select(table))]
    for code in codes:
        assert code not in ada.get("/administration/codes").text
        assert not any(code.partition("-")[2] in row for row in kept)


def test_the_file_holds_all_of_the_batch_and_nothing_else(town, ada):
    made = ada.post("/administration/codes", **FORM | {"count": "", "references": "klant-1\nklant-2"})
    slips = html.unescape(re.search(r"<textarea[^>]*>(.*?)</textarea>", made.text, re.DOTALL)[1])

    file = ada.post("/administration/codes/file", batch="batch-1", slips=slips)
    rows = list(csv.DictReader(io.StringIO(file.text.removeprefix("\ufeff")), delimiter=";"))

    assert [row["reference"] for row in rows] == ["klant-1", "klant-2"]
    assert all(row["link"] == f"https://t.me/voorbeeldbot?start={row['code']}" for row in rows)
    for other in ("", slips.splitlines()[0], slips.replace(rows[0]["code"], "ABCD-EFGHJKMN"), slips + slips):
        assert ada.post("/administration/codes/file", batch="batch-1", slips=other).status_code == 409
    said = town.as_("otto").get("/audit?area=link").text
    assert "Ada made 2 codes for letters: Brief december." in said
    assert said.count("as a file.") == 1


def test_revoking_ends_what_nobody_used_and_leaves_who_is_linked(town, ada):
    town.joins("anna", "money")
    codes = codes_on(ada.post("/administration/codes", **FORM))
    use(town, codes[0], town.citizen("anna").id)
    town.later(minutes=1)

    assert "open nothing any more" in ada.post("/administration/codes/revoke", batch="batch-1").text

    town.later(minutes=1)
    assert use(town, codes[1], town.citizen("anna").id) is LinkResult.EXPIRED
    assert use(town, codes[0], town.citizen("anna").id) is LinkResult.USED
    with town.sessions() as session:
        assert session.exec(select(AuditRow).where(AuditRow.action == "link.revoke")).one().detail["codes"] == 2
    assert ada.post("/administration/codes/revoke", batch="batch-1").status_code == 409
    assert ada.post("/administration/codes/revoke", batch="nothing").status_code == 409


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"purpose": " "}, ["purpose:"]),
        ({"count": "veel", "days": "-1"}, ["codes: say how many", "days: give a number"]),
        ({"count": "2001", "days": "91"}, ["codes: make 1 to 2000", "days: give 1 to 90"]),
        ({"count": "0"}, ["codes: make 1 to 2000"]),
        ({"count": "3", "references": "klant-1"}, ["not both"]),
        ({"count": "", "references": "klant-1\nklant-1"}, ["more than once"]),
        ({"count": "", "references": "met spatie\n123456782"}, ["use 4 to 128 characters", "looks like a BSN"]),
    ],
)
def test_what_is_wrong_is_told_at_once_and_nothing_typed_is_lost(town, ada, wrong, told):
    answer = ada.post("/administration/codes", **FORM | wrong)

    assert answer.status_code == 422
    text = html.unescape(answer.text)
    assert all(sentence in text for sentence in told)
    assert all(value in text for value in wrong.values())
    with town.sessions() as session:
        assert session.exec(select(LinkCodeRow)).all() == []


def test_sheets_are_in_the_language_that_was_chosen(town, ada):
    page = ada.post("/administration/codes", **FORM | {"language": "ar"}).text
    assert 'class="slip" lang="ar" dir="rtl"' in page
    assert town.wording.say("leaflet.scan", "ar") in html.unescape(page)


def test_without_the_bots_name_codes_are_made_without_a_link(town):
    page = town.as_("ada").post("/administration/codes", **FORM)
    assert "<svg" not in page.text
    with town.sessions() as session:
        assert len(session.exec(select(LinkCodeRow)).all()) == 3


def test_many_batches_come_page_by_page(town, ada):
    for number in range(30):
        with town.sessions.begin() as session:
            row = LinkBatchRow(
                id=f"b{number}", purpose=f"brief {number}", made_at=town.now + timedelta(minutes=number), made_by="ada",
                codes=0, expires_at=town.now,
            )  # fmt: skip
            session.add(row)
    first = ada.get("/administration/codes").text
    older = re.search(r'rel="next" href="([^"]+)"', first)[1]
    second = ada.get(older).text
    assert [int(n) for n in re.findall(r"brief (\d+)<", first + second)] == list(reversed(range(30)))
