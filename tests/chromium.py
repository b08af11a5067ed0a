"""`python -m tests.chromium`: the browser of the tests, brought here when this machine has none.

Debian's own by apt, where this may be done without a password; else the one that Playwright fetches. Exit code 0: there
is one. 75: there is none and none can be had, so every test in a browser is left out; with `CI` set that is 1.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.audit import NOT_RUN

NAMES = ("chromium", "chromium-browser", "google-chrome")
#: As root Chromium has no sandbox of its own, and a page of ours asks nobody else for anything.
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
MISSING = "no Chromium on this machine: `python -m tests.chromium` brings one"


def found() -> str | None:
    """Where a Chromium is: the machine's own, else Playwright's."""
    own = next((path for name in NAMES if (path := shutil.which(name))), None)
    if own is not None:
        return own
    # Asked in a process of its own: Playwright's way without async holds the thread's event loop while it is open.
    asked = subprocess.run(
        [sys.executable, "-m", "tests.chromium", "--playwrights"], capture_output=True, text=True, check=False,
        cwd=Path(__file__).parents[1],
    )  # fmt: skip
    path = asked.stdout.strip()
    return path if asked.returncode == 0 and Path(path).is_file() else None


def ways() -> list[list[list[str]]]:
    """The commands that may bring one, the better way first."""
    as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    fetched = [[sys.executable, "-m", "playwright", "install", "chromium"]]
    if shutil.which("apt-get") is None or (as_root and not _may(as_root)):
        return [fetched]
    apt = [*as_root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]
    return [[[*apt, "update", "-q"], [*apt, "install", "-q", "-y", "--no-install-recommends", "chromium"]], fetched]


def _may(as_root: list[str]) -> bool:
    return shutil.which("sudo") is not None and not subprocess.run([*as_root, "true"], check=False).returncode


def brought() -> str | None:
    """The same as `found`, after every way was tried to bring one."""
    for commands in ways():
        for command in commands:
            _say(f"There is no Chromium here. Running: {' '.join(command)}")
            if subprocess.run(command, check=False, stdin=subprocess.DEVNULL).returncode != 0:
                break
        if (path := found()) is not None:
            return path
    return None


def main() -> int:
    if "--playwrights" in sys.argv:
        with sync_playwright() as playwright:
            _say(playwright.chromium.executable_path)
        return 0
    path = found() or brought()
    if path is not None:
        _say(path)
        return 0
    _say("NOT RUN: no Chromium here, and neither apt nor Playwright can bring one.")
    _say("No page was looked at: none of the tests that are marked `browser` can run.")
    return 1 if os.environ.get("CI") else NOT_RUN


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
