"""What the browser loads: all of it ours, unmodified where it was taken over, and little."""

import gzip
import hashlib
import re
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from bot import console
from bot.console.catalogue import file, untranslated, updated
from bot.errors import FaultsError
from bot.wording.update import written
from tests.vendoring import HOMES

TEMPLATES = Path(__file__).parents[2] / "bot" / "console" / "templates"


@pytest.mark.parametrize("home", HOMES, ids=lambda home: home.parent.name)
def test_what_was_taken_over_is_unmodified_and_has_its_licence(home):
    packages = tomllib.loads((home / "VENDOR.toml").read_text())["package"]
    listed = {"VENDOR.toml"}
    for package in packages:
        content = (home / package["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == package["sha256"], package["file"]
        listed.add(package["file"])
    assert {found.name for found in home.iterdir() if not found.name.startswith("LICENSE")} == listed


def test_templates_hold_no_script_style_or_address_of_elsewhere():
    for template in TEMPLATES.rglob("*.html"):
        text = template.read_text(encoding="utf-8")
        assert not re.search(r"\sstyle=|\son[a-z]+=|<style|javascript:", text), template.name
        assert not re.search(r"<script(?![^>]*\ssrc=\"\{\{ static)", text), template.name
        assert not re.search(r"hx-on|js:|https?://", text), template.name


def test_the_style_sheet_names_only_files_of_ours_and_the_first_load_is_small(town):
    browser = town.as_("eva")
    page = browser.get("/campaigns").text
    addresses = re.findall(r'(?:href|src)="(/static/[^"]+)"', page)
    sheet = browser.get(next(one for one in addresses if one.endswith(".css"))).text
    fonts = [f"/static/{name}" for name in re.findall(r'url\("([^"]+)"\)', sheet)]
    total = len(gzip.compress(page.encode()))
    for address in addresses + fonts:
        answer = browser.ask("GET", address, headers={"accept-encoding": "identity"})
        assert answer.status_code == 200, address
        assert "immutable" in answer.headers["cache-control"]
        packed = answer.content if address in fonts else gzip.compress(answer.content)
        total += len(packed)
    assert "http" not in sheet.replace("http://www.w3.org/2000/svg", "")
    assert total <= 100_000
    assert len(gzip.compress(page.encode())) <= 6_000


def test_the_dutch_of_the_console_is_whole_and_up_to_date():
    catalog = updated({})
    assert written(catalog) == file().read_text(encoding="utf-8"), "run python -m bot.console.catalogue"
    assert untranslated(catalog) == []


def test_a_municipality_lays_its_own_look_over_the_pages(town, tmp_path):
    theme = tmp_path / "theme.css"
    theme.write_text(":root { --utrecht-link-color: #00489b; }\n@media (width > 40em) { .sheet { border: 0 } }\n")
    town.app = console.build(replace(town.app.state.desk, pages=console.Pages(console.theme_of(theme))))
    browser = town.as_("eva")

    address = re.search(r'href="(/static/console[^"]+)"', browser.get("/").text)[1]
    sheet = browser.get(address).text

    assert sheet.startswith("@layer components, tokens, pages, theme;")
    assert f"@layer theme{{{theme.read_text()}}}" in sheet


@pytest.mark.parametrize(
    ("css", "told"),
    [
        ('@import "https://fonts.test/a.css";', ["line 1: @import cannot stand in a theme"]),
        (":root { --a: 1 }\n.b { background: url(https://x.test/y.png) }", ["line 2: it fetches a file"]),
        ('@font-face { src: url("x.woff2") }\n} .c { color: red }', ["line 1: it fetches a file", "line 2: "]),
    ],
)
def test_what_a_browser_would_leave_out_of_a_theme_is_told_before_anything_starts(tmp_path, css, told):
    theme = tmp_path / "theme.css"
    theme.write_text(css)

    with pytest.raises(FaultsError) as caught:
        console.theme_of(theme)

    assert len(caught.value.faults) == len(told)
    assert all(part in fault for part, fault in zip(told, caught.value.faults, strict=True)), caught.value.faults
