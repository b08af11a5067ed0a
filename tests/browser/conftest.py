"""A browser for each module: Playwright's way without async holds the thread's event loop as long as it is open."""

import base64
import shutil

import pytest
from playwright.sync_api import sync_playwright
from sqlalchemy.orm import sessionmaker
from sqlmodel import Session

from bot.store import schema
from bot.store.vault import Vault
from tests import chromium
from tests.browser.filled import Filled
from tests.browser.served import served

# The plugin's fixtures, which live as long as the whole run, live as long as a module here.


@pytest.fixture(scope="module")
def playwright():
    with sync_playwright() as opened:
        yield opened


@pytest.fixture(scope="module")
def browser(playwright):
    path = chromium.found()
    if path is None:
        pytest.skip(chromium.MISSING)
    opened = playwright.chromium.launch(executable_path=path, args=chromium.ARGUMENTS)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def browser_context_args():
    return {"viewport": {"width": 1180, "height": 800}, "locale": "nl-NL"}


@pytest.fixture(scope="module")
def town(tmp_path_factory, sqlite_template, wording):
    """A filled town with its console at `town.address`."""
    path = tmp_path_factory.mktemp("town") / "town.db"
    shutil.copy(sqlite_template, path)
    engine = schema.open_engine(f"sqlite:///{path}")
    made = Filled(sessionmaker(engine, class_=Session, expire_on_commit=False), wording, Vault([KEY], b"f" * 32))
    with served(made.app) as made.address:
        yield made
    engine.dispose()


KEY = base64.urlsafe_b64encode(b"the tests' own key of 32 bytes!!")
