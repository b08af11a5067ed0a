"""Accounts as an administrator looks after them."""

import html
import re

import pytest

from bot import staff
from bot.console.desk import COOKIE


def test_a_new_account_gets_a_password_that_is_shown_once_and_lets_in(town):
    ada = town.as_("ada")

    made = ada.post("/administration/accounts/new", login="Bo@Stad.NL", name="Bo Bos", roles=["editor", "contact"])
    given = ada.post("/administration/accounts/password", login="bo@stad.nl")
    password = re.search(r'class="key"[^>]*><code>([^<]+)</code>', given.text)[1]

    assert "The account is made." in made.text
    assert given.headers["cache-control"] == "no-store"
    assert password not in ada.get("/administration/accounts/one?login=bo@stad.nl").text
    bo = town.browser()
    assert bo.post("/signin", login="bo@stad.nl", password=password).status_code == 200
    assert COOKIE in bo.cookies
    assert bo.get("/campaigns").status_code == 200
    assert bo.get("/administration", follow=False).status_code == 403
    said = html.unescape(town.as_("otto").get("/audit?area=staff&who=ada").text)
    assert "Ada made an account for Bo Bos: writes campaigns, answers people." in said
    assert "Ada set a password for Bo Bos." in said


def test_a_new_password_ends_what_was_open(town):
    ada, eva = town.as_("ada"), town.as_("eva")
    ada.post("/administration/accounts/password", login="eva")
    assert eva.get("/").url.path == "/signin"


def test_what_is_wrong_is_told_at_once_in_the_readers_language_and_nothing_typed_is_lost(town):
    ada = town.as_("ada")
    ada.post("/profile", language="nl")

    answer = ada.post("/administration/accounts/new", login="x y", name=" ", team="Wijkteam Oost")

    assert answer.status_code == 422
    text = html.unescape(answer.text)
    assert "is geen e-mailadres en ook geen korte naam" in text
    assert "naam: geef de naam" in text
    assert "rollen: geen" in text
    assert 'value="x y"' in text
    assert 'value="Wijkteam Oost"' in text


def test_an_account_is_changed_shut_and_opened_again(town):
    ada, eva = town.as_("ada"), town.as_("eva")

    ada.post("/administration/accounts/one", login="eva", name="Eva de Vries", roles=["approver"], language="en")
    assert eva.get("/").text.count("Eva de Vries") >= 1
    assert "its sessions have ended" in ada.post("/administration/accounts/shut", login="eva").text
    assert eva.get("/").url.path == "/signin"
    assert ada.post("/administration/accounts/password", login="eva").status_code == 409
    assert "open again" in ada.post("/administration/accounts/open", login="eva").text
    with town.sessions() as session:
        row = staff.known_as(session, "eva")
    assert (row.disabled_at, row.roles) == (None, ["approver"])
    wrong = ada.post("/administration/accounts/one", login="eva", name="", roles=["editor"])
    assert wrong.status_code == 422
    assert 'value="editor" checked' in wrong.text


def test_somebody_is_signed_out_everywhere_at_once(town):
    ada, eva, other = town.as_("ada"), town.as_("eva"), town.as_("eva")
    assert "in 2 places" in ada.get("/administration/accounts/one?login=eva").text
    ada.post("/administration/accounts/out", login="eva")
    assert eva.get("/").url.path == other.get("/").url.path == "/signin"
    assert "signed Eva out everywhere" in town.as_("otto").get("/audit?who=ada").text


@pytest.mark.parametrize("deed", ["shut", "password"])
def test_nobody_does_this_to_themselves(town, deed):
    ada = town.as_("ada")
    assert ada.post(f"/administration/accounts/{deed}", login="ada").status_code == 409
    assert f"/administration/accounts/{deed}" not in ada.get("/administration/accounts/one?login=ada").text
    assert ada.post("/administration/accounts/one", login="ada", name="Ada", roles=["editor"]).status_code == 409
    assert ada.get("/administration").status_code == 200


def test_an_address_with_signs_of_its_own_is_led_back_to(town):
    """A plus in an address means a blank."""
    ada, login = town.as_("ada"), "bo+werk@stad.nl"
    ada.post("/administration/accounts/new", login=login, name="Bo Bos", roles=["editor"])
    with town.sessions.begin() as session:
        staff.factor.offer(session, town.vault, login, secret="OFFERED")

    for deed in ("factor", "shut", "open", "out"):
        answer = ada.post(f"/administration/accounts/{deed}", login=login)
        assert (answer.status_code, "Bo Bos" in answer.text) == (200, True), deed
