"""`python -m tests.screenshots DIRECTORY [--readme]`: every page of the console as a picture, wide and narrow.

In Dutch, and to be looked at by a person: would somebody with forty other tasks know what to do next? `--readme` makes
the two of the README anew as well.
"""

import argparse
import base64
import re
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright
from sqlalchemy.orm import sessionmaker
from sqlmodel import Session

import bot.wording
from bot.console.desk import COOKIE
from bot.store import schema
from bot.store.vault import Vault
from tests import chromium
from tests.browser import pages
from tests.browser.filled import Filled
from tests.browser.served import served
from tests.console.conftest import PEOPLE

ROOT = Path(__file__).parents[1]
WIDE, NARROW = 1180, 320
#: Which pages stand in the README, as whom, under which name, and how high they are cut.
README = (("sam", "/campaigns/{handed_over}/approve", "approval.webp", 900), ("eva", "/", "home.webp", 620))
KEY = base64.urlsafe_b64encode(b"the pictures' own key, 32 bytes!")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.screenshots", description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--readme", action="store_true", help="also make the README's two")
    asked = parser.parse_args()
    asked.directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        engine = schema.open_engine(f"sqlite:///{scratch}/town.db")
        schema.migrate(engine)
        sessions = sessionmaker(engine, class_=Session, expire_on_commit=False)
        town = Filled(sessions, bot.wording.load(), Vault([KEY], b"f" * 32))
        for login in PEOPLE:
            town.speaks(login, "nl")
        with served(town.app) as town.address:
            browser = playwright.chromium.launch(executable_path=chromium.found(), args=chromium.ARGUMENTS)
            if asked.readme:
                _for_readme(browser, town)
            for login, address in pages.found(town).pages:
                name = f"{login or 'nobody'}{re.sub(r'[^a-z0-9]+', '_', address.lower()).rstrip('_') or '_home'}"
                for width in (WIDE, NARROW):
                    page = _opened(browser, town, login, width)
                    page.goto(town.address + address)
                    page.screenshot(path=asked.directory / f"{name}.{width}.png", full_page=True)
                    page.context.close()
                sys.stdout.write(f"{name}\n")
            browser.close()
        engine.dispose()


def _for_readme(browser, town):
    for login, address, name, height in README:
        page = _opened(browser, town, login, WIDE)
        page.goto(town.address + address.format(handed_over=town.handed_over))
        clip = {"x": 0, "y": 0, "width": WIDE, "height": height}
        # Chromium makes WebP itself, a quarter of the size of a PNG; Playwright does not offer it.
        wire = page.context.new_cdp_session(page)
        made = wire.send("Page.captureScreenshot", {"format": "webp", "quality": 80, "clip": clip | {"scale": 1}})
        (ROOT / ".readme" / name).write_bytes(base64.b64decode(made["data"]))
        page.context.close()


def _opened(browser, town, login, width):
    context = browser.new_context(viewport={"width": width, "height": 900}, locale="nl-NL")
    if login is not None:
        cookie = {"name": COOKIE, "value": town.token(login), "secure": True, "httpOnly": True, "sameSite": "Lax"}
        context.add_cookies([cookie | {"url": town.address.replace("http:", "https:")}])
    return context.new_page()


if __name__ == "__main__":
    main()
