"""Where published data are: beside the repository, in the folder of PARITY_DATA, or in a cache that pip fills.

The variable has no HANDREIKING_ before it, since the bot refuses to start with a setting that it does not know.
"""

import csv
import hashlib
import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "handreiking-parity"

HEARTSTEPS = "data_mimicHeartSteps.csv"  # GPL-3, of the R package MRTAnalysis 0.3.1: never in this repository
#: Source distributions, by the SHA-256 of what was compared.
SDISTS = {
    "obp-0.5.7.tar.gz": "3060d67fedfcfadf1e7a6f2608987f74412b5eb74d2c567edeb147595c68f2a0",  # Apache-2.0
    "confseq-0.0.11.tar.gz": "b4f7723089478dda4b011a0bfe4d449f017d7ce0ec0d5039181c3e4a576bc914",  # MIT
}


def places() -> list[Path]:
    named = os.environ.get("PARITY_DATA")
    return [ROOT.parent / "shared" / "data" / "mrt", *([Path(named)] if named else []), CACHE]


def find(name: str) -> Path | None:
    """The file, where somebody has put it; a source distribution only if it is the one that was compared."""
    for folder in places():
        path = folder / name
        if path.is_file() and (name not in SDISTS or _digest(path) == SDISTS[name]):
            return path
    return None


def fetch(name: str) -> str | None:
    """Have pip bring a source distribution into the cache. None: it is there; else why not."""
    package, version = name.removesuffix(".tar.gz").rsplit("-", 1)
    command = [
        sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", package,
        "--ignore-requires-python", "--disable-pip-version-check", "--dest", CACHE, f"{package}=={version}",
    ]  # fmt: skip
    try:
        ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    except subprocess.TimeoutExpired:
        return "pip was not done after ten minutes"
    if ran.returncode:
        return (ran.stderr.strip().splitlines() or ["pip failed"])[-1]
    return None if find(name) else f"what pip brought is not the {name} that was compared"


class Archive:
    """Files inside a source distribution, read in place."""

    def __init__(self, path: Path) -> None:
        self._path, self._top = path, path.name.removesuffix(".tar.gz")

    def text(self, name: str) -> str:
        with tarfile.open(self._path) as archive:
            member = archive.extractfile(f"{self._top}/{name}")
            assert member is not None
            return member.read().decode()

    def table(self, name: str) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(self.text(name))))


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
