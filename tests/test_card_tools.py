"""The tools of professionals: reading a card, writing one, printing a leaflet, and offering a service."""

import contextlib
import json
import re
import shutil
import sys
import tomllib
import zlib
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
import segno
from typer.testing import CliRunner

from bot import cards, leaflets, wording
from bot.cards import QUESTIONS, Several, Shape, judge
from bot.cli import app
from bot.core.facts import CardStatus
from bot.errors import FaultsError, HandreikingError, RefusedError
from bot.settings import new_keys
from bot.store import ledger

SHIPPED = wording.load()
PAIRS = [(card, language) for card in sorted(SHIPPED.cards) for language in SHIPPED.languages]


def run(*arguments, typed=""):
    """The command's result; what it refuses comes out as an exception."""
    done = CliRunner().invoke(app, [str(argument) for argument in arguments], input=typed)
    if isinstance(done.exception, HandreikingError):
        raise done.exception
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """A folder of its own to work in, without settings."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


# Reading.


def test_every_card_is_listed():
    rows = json.loads(run("card", "list", "--json").stdout)

    assert [row["id"] for row in rows] == sorted(SHIPPED.cards)
    assert all(row["name"] in run("card", "list").stdout for row in rows)


def test_a_card_is_shown_whole_under_the_questions_of_ap24():
    card = SHIPPED.cards["kindpakket"]
    shown = run("card", "show", "kindpakket").stdout

    for number in range(1, 6):
        assert f"AP24-{number}  " in shown
    words = [*card.wanted.groups, *card.wanted.not_wanted, card.weighing.because, *card.approved_by, card.owner]
    words += [one.meaning for one in card.signals] + [one.legal for one in card.reuse]
    assert [word for word in words if word not in shown] == []


def test_a_card_is_shown_to_a_script_as_its_file_has_it():
    shown = json.loads(run("card", "show", "stadspas", "--json").stdout)
    file = tomllib.loads((wording.data("messages") / "services" / "stadspas.toml").read_text(encoding="utf-8"))

    assert shown["wanted"] == file["wanted"]
    assert [one["type"] for one in shown["signals"]] == [one["type"] for one in file["signals"]]


def test_a_card_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(RefusedError, match="There are: aio, "):
        run("card", "show", "geen")


# Writing.


def typed(item, value):
    """What somebody types to give this answer."""
    if isinstance(item, Several):
        lines = []
        for number, record in enumerate(value):
            if number >= item.least:
                lines.append("y")
            for question in item.questions:
                lines += typed(question, record.get(question.name))
        return [*lines, "n"]
    match item.shape:
        case Shape.LIST:
            return [*(value or []), ""]
        case Shape.TEXT:
            return [*value.strip().splitlines(), ""]
        case Shape.CHOICES:
            return [" ".join(value)]
        case Shape.YES:
            return ["yes" if value else "no"]
    return ["" if value is None else str(value)]


def answers(card="kindpakket", **changes):
    """For each question, in order, its path and the lines that give what a shipped card says."""
    whole = SHIPPED.cards[card].model_dump(mode="json") | {"id": "mijn-kaart"} | changes

    def at(path):
        value = whole
        for step in path.split("."):
            value = value[step]
        return value

    return [(item.path, typed(item, at(item.path))) for section in QUESTIONS for item in section.items]


def lines(given):
    return "".join(f"{line}\n" for _, those in given for line in those)


@pytest.fixture
def messages(tmp_path):
    """A copy of messages/ that a card can be written into."""
    shutil.copytree(Path(str(wording.data("messages"))), tmp_path / "messages")
    return tmp_path / "messages"


@pytest.mark.parametrize("name", sorted(SHIPPED.cards))
def test_the_questions_lead_to_a_card_that_loads(messages, name):
    done = run("card", "new", "--to", messages / "services", typed=lines(answers(name)))

    assert done.exit_code == 0, done.output
    card = wording.load(messages=messages).cards["mijn-kaart"]
    old = SHIPPED.cards[name]
    assert (card.status, card.version, card.example, card.approved_by) == (CardStatus.DRAFT, 1, False, [])
    for part in ("name", "plain", "body", "wanted", "related", "providers", "reuse", "cadence", "hu_facet", "laws"):
        assert getattr(card, part) == getattr(old, part), part
    assert card.weighing == old.weighing.model_copy(update={"decided_by": None, "decided_on": None})
    assert [one.type for one in card.signals] == [one.type for one in old.signals]
    assert card.official_page.checked_on is None
    assert card.not_for_citizens(card.valid_from)
    assert not Path("card-draft.json").exists()


def test_every_question_is_explained_with_an_example_from_a_shipped_card(messages):
    told = run("card", "new", "--to", messages / "services", typed=lines(answers())).stdout

    for section in QUESTIONS:
        assert section.title in told
        for item in section.items:
            assert item.ask in told
            assert item.means in told
    assert told.count("For instance: ") >= 40


def test_it_can_be_broken_off_and_goes_on_where_it_was_left(messages):
    given = answers()
    services = messages / "services"
    first = run("card", "new", "--to", services, "--draft", "half.json", typed=lines(given[:7]) + "!\n")

    assert first.exit_code == 1
    assert json.loads(Path("half.json").read_text(encoding="utf-8")).keys() == {path for path, _ in given[:7]}
    assert not (services / "mijn-kaart.toml").exists()

    second = run("card", "new", "--to", services, "--draft", "half.json", typed=lines(given[7:]))
    assert second.exit_code == 0, second.output
    assert f"7 of {len(given)} are answered" in second.stdout
    assert given[0][0] == "id"
    assert QUESTIONS[0].items[0].ask not in second.stdout
    assert (services / "mijn-kaart.toml").exists()


def test_the_end_of_what_is_typed_breaks_off_without_losing_anything(messages):
    done = run("card", "new", "--to", messages / "services", typed=lines(answers()[:3]))

    assert done.exit_code == 1
    assert "goes on from here" in done.stdout
    assert len(json.loads(Path("card-draft.json").read_text(encoding="utf-8"))) == 3


def test_somebody_can_go_back_and_answer_again(messages):
    given = answers()
    typing = lines(given[:1]) + "Verkeerde naam\n<\n" + lines(given[1:])

    done = run("card", "new", "--to", messages / "services", typed=typing)

    assert done.exit_code == 0, done.output
    assert wording.load(messages=messages).cards["mijn-kaart"].name == SHIPPED.cards["kindpakket"].name


def question(path):
    return next(item for section in QUESTIONS for item in section.items if item.path == path)


def within(several, name):
    return next(one for one in question(several).questions if one.name == name)


@pytest.mark.parametrize(
    ("path", "text", "why"),
    [
        ("id", "Mijn kaart", "match pattern"),
        ("id", "stadspas", "there is a card stadspas already"),
        ("theme", "tuin", "is no theme; use one of"),
        ("name", "", "at least 3 characters"),
        ("plain", "U hebt recht op geld van de gemeente.", "NL-"),
        ("body", "Dit is uw laatste kans! Reageer vandaag nog.", "NL-"),
        ("sensitivity", "S9", "should be 'S0'"),
        ("official_page.url", "gemeente", "valid URL"),
        ("wanted.not_wanted", "", "at least 1 item"),
        ("weighing.because", "daarom", "at least 20 characters"),
        ("professional_discretion", "misschien", "valid boolean"),
        ("cadence.max_sends", "12", "less than or equal to 2"),
        ("cadence.silence_after_no_days", "veel", "valid integer"),
        ("hu_facet", "taking_initiative dansen", "should be 'taking_initiative'"),
    ],
)
def test_an_answer_that_does_not_fit_is_told_at_once(path, text, why):
    answer = judge(question(path), text, SHIPPED)

    assert answer.faults
    assert why in "; ".join(answer.faults)


@pytest.mark.parametrize(
    ("several", "name", "text", "why"),
    [
        ("signals", "type", "verhuisd", "match pattern"),
        ("signals", "earliest_day", "400", "less than or equal to 366"),
        ("related", "card", "geen", "is no card"),
        ("providers", "receives", "", "at least 1 item"),
        ("reuse", "allowed", "misschien", "should be 'no'"),
    ],
)
def test_so_is_one_about_a_part(several, name, text, why):
    assert why in "; ".join(judge(within(several, name), text, SHIPPED).faults)


def test_a_wrong_answer_is_asked_again_and_a_window_that_runs_backwards_too(messages):
    given = dict(answers())
    signals = given["signals"]
    first = next(place for place, line in enumerate(signals) if line == "-28")
    backwards = [*signals[:first], "42", "-28", *signals[: len(signals)]]
    given["signals"] = backwards
    given["theme"] = ["tuin", *given["theme"]]

    done = run("card", "new", "--to", messages / "services", typed=lines(given.items()))

    assert done.exit_code == 0, done.output
    assert "'tuin' is no theme" in done.stdout
    assert "latest_day -28 is before earliest_day 42" in done.stdout


def test_a_register_signal_is_written_down_switched_off(messages):
    signals = [one.model_dump(mode="json") for one in SHIPPED.cards["kindpakket"].signals]
    signals[0] = signals[0] | {"origin": "register", "legal_basis": "not settled", "data_used": ["income"]}

    run("card", "new", "--to", messages / "services", typed=lines(answers(signals=signals)))

    made = wording.load(messages=messages).cards["mijn-kaart"].signals
    assert [one.enabled for one in made] == [False, *[True] * (len(made) - 1)]


def test_a_card_with_quotes_and_backslashes_comes_back_as_it_was(messages):
    odd = 'Kan "dit" ook? Ja\\nee, soms.\nMet een tweede regel en een \t tab.'

    text = cards.as_toml(
        {"id": "x", "name": 'Een "kaart" \\', "body": odd, "signals": [{"type": "a", "data_used": []}]}
    )

    again = tomllib.loads(text)
    assert (again["name"], again["body"].strip()) == ('Een "kaart" \\', odd)


def test_a_file_that_is_there_is_never_written_over(messages):
    services = messages / "services"
    (services / "mijn-kaart.toml").write_text("mine", encoding="utf-8")

    with pytest.raises(RefusedError, match="cannot be written"):
        run("card", "new", "--to", services, typed=lines(answers()))

    assert (services / "mijn-kaart.toml").read_text(encoding="utf-8") == "mine"
    assert Path("card-draft.json").exists()


@pytest.mark.parametrize("content", ["{", "[]"])
def test_a_draft_that_is_none_is_refused(content):
    Path("card-draft.json").write_text(content, encoding="utf-8")

    with pytest.raises(FaultsError, match="is not a draft of a card"):
        run("card", "new")


# Printing.


@pytest.fixture(scope="session")
def pango():
    """The library that a PDF needs."""
    try:
        import weasyprint  # noqa: F401
    except OSError:
        pytest.skip("Pango is not installed")


class Page(HTMLParser):
    """What a browser and a screen reader are given."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.text, self.headings = [], "", []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))

    def handle_data(self, data):
        self.text += data

    def of(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def page(card="stadspas", language="nl", said=SHIPPED):
    return leaflets.leaflet(said.cards[card], said, language, bot="@voorbeeld_bot")


@pytest.mark.parametrize(("card", "language"), PAIRS)
def test_a_leaflet_has_the_card_in_plain_words_and_whom_to_call(card, language):
    html = Page(leaflets.as_html(page(card, language)))
    contact = cards.contact(SHIPPED, language)

    for part in ("name", "plain", "whom", "signs"):
        assert SHIPPED.say(f"card.{card}.{part}", language) in html.text
    assert contact["phone"] in html.text
    assert contact["hours"] in html.text.replace("\u2068", "").replace("\u2069", "") or language == "ar"
    assert SHIPPED.say("leaflet.example", language) in html.text
    assert "{" not in html.text.partition("</style>")[2]


@pytest.mark.parametrize("language", SHIPPED.languages)
def test_a_leaflet_can_be_read_by_a_screen_reader(language):
    html = Page(leaflets.as_html(page(language=language)))

    assert html.of("html") == [{"lang": language, "dir": "rtl" if language == "ar" else "ltr"}]
    assert html.headings[0] == 1
    assert html.headings.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(html.headings, html.headings[1:], strict=False))
    assert [image["alt"] for image in html.of("img")] == [SHIPPED.say("leaflet.qr", language)]
    assert {name for name, _ in html.tags} >= {"header", "main", "footer", "title"}


def test_the_qr_code_leads_to_the_chat_and_to_nothing_else():
    leaflet = page()

    assert leaflet.link == "https://t.me/voorbeeld_bot"
    again = segno.make(leaflet.link, error="q", micro=False)
    assert leaflet.qr == again.svg_data_uri(border=4, dark="#0b2b40", light="#fff")


def test_a_leaflet_fetches_nothing_from_elsewhere():
    html = Page(leaflets.as_html(page()))

    assert html.of("script") == html.of("link") == []
    assert all(image["src"].startswith("data:") for image in html.of("img"))
    assert "url(" not in leaflets.as_html(page())


def objects(pdf):
    """Everything in a PDF, with what it keeps compressed."""
    found = [pdf]
    for stream in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL):
        with contextlib.suppress(zlib.error):
            found.append(zlib.decompress(stream))
    return b"\n".join(found)


@pytest.mark.parametrize(
    ("card", "language"),
    [pair for pair in PAIRS if pair[1] == "nl" or pair[0] == "individuele-inkomenstoeslag"],
)
def test_a_leaflet_is_one_page_of_tagged_pdf(pango, card, language, caplog):
    pdf = leaflets.as_pdf(page(card, language))
    inside = objects(pdf)

    assert pdf.startswith(b"%PDF-1.")
    assert len(re.findall(rb"/Type\s*/Page\b", inside)) == 1
    assert f"/Lang ({language})".encode() in inside
    for part in (b"/StructTreeRoot", b"/MarkInfo", b"/S /H1", b"/S /H2", b"/S /Figure", b"/Alt", b"pdfuaid"):
        assert part in inside, part
    assert caplog.records == []


def test_words_cannot_become_markup():
    card = SHIPPED.cards["stadspas"]
    wanted = card.wanted.model_copy(update={"whom": None, "signs": None, "groups": ["<script>x</script>", "b & c"]})
    sources = {key: value for key, value in SHIPPED.sources.items() if key != "card.stadspas.whom"}
    said = replace(
        SHIPPED, sources=sources, cards={**SHIPPED.cards, "stadspas": card.model_copy(update={"wanted": wanted})}
    )

    html = leaflets.as_html(page(said=said))

    assert "<script>" not in html
    assert "&lt;script&gt;x&lt;/script&gt;" in html
    assert "b &amp; c" in html


def test_a_text_too_long_for_one_page_is_refused(pango):
    longer = replace(page(), body=replace(page().body, words="Een regel die lang is.\n" * 90))

    with pytest.raises(RefusedError, match="too long for one page"):
        leaflets.as_pdf(longer)


def test_without_pango_somebody_is_told_how_to_go_on(monkeypatch):
    class Missing:
        def find_spec(self, name, *_):
            if name == "weasyprint":
                raise OSError("cannot load library 'libpango-1.0-0'")

    monkeypatch.setattr(sys, "meta_path", [Missing(), *sys.meta_path])
    monkeypatch.delitem(sys.modules, "weasyprint", raising=False)

    with pytest.raises(RefusedError, match="--format html"):
        leaflets.as_pdf(page())


def test_a_language_in_which_the_card_cannot_be_read_is_refused():
    with pytest.raises(RefusedError, match="use one of nl, en"):
        page(language="fr")


@pytest.mark.parametrize(
    ("options", "file", "begins"),
    [
        ([], "stadspas-nl.pdf", b"%PDF"),
        (["--format", "html"], "stadspas-nl.html", b"<!doctype html>"),
        (["-o", "blad.html"], "blad.html", b"<!doctype html>"),
        (["-o", "blad"], "blad", b"%PDF"),
        (["--language", "ar", "--format", "pdf"], "stadspas-ar.pdf", b"%PDF"),
    ],
)
def test_the_command_writes_the_file_that_was_asked_for(pango, options, file, begins):
    run("card", "leaflet", "stadspas", "--bot", "voorbeeld_bot", *options)

    assert Path(file).read_bytes().startswith(begins)


def test_the_bots_name_is_known_once_it_has_run(monkeypatch, sessions, database_url):
    monkeypatch.setenv("HANDREIKING_DATABASE_URL", database_url)
    with pytest.raises(RefusedError, match="name is not known yet"):
        run("card", "leaflet", "stadspas")

    with sessions.begin() as session:
        from tests.world import TUESDAY_TEN

        ledger.set_mark(session, "bot", {"username": "echte_bot"}, TUESDAY_TEN)

    assert "https://t.me/echte_bot" in run("card", "leaflet", "stadspas", "--format", "html").stdout


# Offering.


@pytest.fixture
def desk(monkeypatch, tmp_path, database_url):
    keys = tmp_path / "keys.toml"
    keys.write_text(new_keys(b"0" * 32), encoding="utf-8")
    monkeypatch.setenv("HANDREIKING_DATABASE_URL", database_url)
    monkeypatch.setenv("HANDREIKING_KEYS_FILE", str(keys))


OFFER = ("offer", "stadspas", "--to", "ref-0001", "--by", "F. de Boer, Wijkteam Noord")


def test_a_professional_offers_at_the_command_line(desk):
    first = json.loads(run(*OFFER, "--agreed", "--json").stdout)
    again = run(*OFFER, "--agreed").stdout

    assert first["fresh"] is True
    assert f"{first['id']} was offered today already" in again


def test_without_agreement_nothing_is_offered(desk):
    with pytest.raises(FaultsError, match="--agreed: ask the person first"):
        run(*OFFER)


def test_all_that_is_wrong_with_an_offer_is_told_at_once(desk):
    with pytest.raises(FaultsError) as refused:
        run("offer", "geen", "--to", "ref-0001", "--by", "F. de Boer")

    assert [fault.partition(":")[0] for fault in refused.value.faults] == ["CARD", "--by", "--agreed"]
