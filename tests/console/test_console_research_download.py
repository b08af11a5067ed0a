"""Data for research in the console: made in a thread, taken along as a ZIP, written down."""

import hashlib
import io
import json
import re
import zipfile

import pytest
from sqlmodel import select

from bot.research.export import Tier, download
from bot.store.tables import AuditRow

PAGE = "/research/download"


@pytest.fixture
def agreed(town):
    town.campaign()
    town.agreed(*(str(number) for number in range(700, 712)))
    town.signal()
    town.tick()
    return town


def deeds(town):
    with town.sessions() as session:
        return session.exec(select(AuditRow).where(AuditRow.action == "export")).all()


def opened(answer):
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    return {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}


def test_a_file_is_made_taken_along_and_written_down(agreed):
    answer = agreed.as_("rik").post(PAGE, tier="researcher")

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["cache-control"] == "no-store"
    name = f"handreiking-researcher-{agreed.now.date()}.zip"
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
    files = opened(answer)
    manifest = json.loads(files.pop("manifest.json"))
    assert {one["name"]: one["sha256"] for one in manifest["files"]} == {
        name: hashlib.sha256(body).hexdigest() for name, body in files.items()
    }
    [deed] = deeds(agreed)
    assert (deed.who, deed.detail["tier"], deed.detail["people"]) == ("rik", "researcher", 12)
    assert deed.detail["files"] == manifest["files"]


def test_two_files_of_one_town_have_no_number_in_common(agreed):
    rik = agreed.as_("rik")

    one, two = (opened(rik.post(PAGE, tier="researcher"))["citizens.csv"].decode() for _ in range(2))

    numbers = [set(re.findall(r"^[0-9a-f]{16}", text, re.MULTILINE)) for text in (one, two)]
    assert len(numbers[0]) == 12
    assert not numbers[0] & numbers[1]


def test_the_page_tells_what_is_in_it_and_who_took_it_before(agreed):
    rik = agreed.as_("rik")
    before = rik.get(PAGE).text
    rik.post(PAGE, tier="researcher", since="2026-11-24", until="2026-11-24")
    page = rik.get(PAGE).text

    assert "12 people agreed to research by now." in before
    assert "Nobody took along a file yet." in before
    assert all(f"<code>{name}</code>" in before for name in ("decisions", "mrt_send", "p_send", "draw_u_tone"))
    [deed] = deeds(agreed)
    described = next(one["sha256"] for one in deed.detail["files"] if one["name"] == "datapackage.json")
    row = page.partition('id="before"')[2]
    assert described[:12] in row
    assert "Rik" in row
    assert "2026-W48 – 2026-W48" in row
    assert "<td>12</td>" in row


def test_only_researchers_come_here(agreed):
    for login in ("eva", "sam", "mei", "ada", "otto"):
        browser = agreed.as_(login)
        assert browser.get(PAGE).status_code == 403
        assert browser.post(PAGE, tier="researcher").status_code == 403
    assert deeds(agreed) == []


def test_with_too_few_people_there_is_no_form_and_no_file(town):
    town.agreed("700", "701")
    rik = town.as_("rik")

    page = rik.get(PAGE)
    answer = rik.post(PAGE, tier="researcher")

    assert "Fewer than 10 people agreed" in page.text
    assert 'action="/research/download"' not in page.text
    assert answer.status_code == 409
    assert "so that nobody can be recognised in it" in answer.text
    assert deeds(town) == []


@pytest.mark.parametrize(
    ("form", "why"),
    [
        ({"tier": "secret"}, "There is no such kind of file."),
        ({"since": "gisteren"}, "A day is written as year-month-day"),
        ({"since": "2026-11-24", "until": "2026-11-01"}, "end before it begins"),
    ],
)
def test_what_cannot_be_made_is_told(agreed, form, why):
    answer = agreed.as_("rik").post(PAGE, **form)

    assert answer.status_code == 409
    assert why in answer.text
    assert deeds(agreed) == []


def test_counts_may_be_taken_too(agreed):
    agreed.later(days=20)

    files = opened(agreed.as_("rik").post(PAGE, tier="public"))

    assert "decisions.csv" not in files
    assert b"all,all,12," in files["messages_by_week_and_theme.csv"]


def test_of_two_at_once_one_is_asked_to_wait(agreed, wording):
    with download._ONE:
        answer = agreed.as_("rik").post(PAGE, tier="researcher")
    assert answer.status_code == 409
    assert "Somebody is making a file at this moment." in answer.text
    packed = download.zipped(agreed.sessions, wording=wording, key=b"k" * 32, now=agreed.now, by="rik",
                             tier=Tier.RESEARCHER)  # fmt: skip
    with packed.file:
        assert len(packed.file.read()) == packed.size
