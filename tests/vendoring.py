"""For maintainers, with npm: `python -m tests.vendoring` takes over what VENDOR.toml names, with its licence.

What is taken over is committed; `tests/console/test_static.py` holds each file against its SHA-256.
"""

import hashlib
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
HOMES = (ROOT / "bot" / "console" / "static" / "vendor", ROOT / "tests" / "console" / "vendor")


def main() -> None:
    for home in HOMES:
        listed = home / "VENDOR.toml"
        packages = tomllib.loads(listed.read_text(encoding="utf-8"))["package"]
        for package in packages:
            _take(home, package)
        listed.write_text(written(packages), encoding="utf-8")


def _take(home: Path, package: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        wanted = f"{package['name']}@{package['version']}"
        subprocess.run(["npm", "pack", wanted, "--ignore-scripts", "--silent"], cwd=scratch, check=True)
        [archive] = Path(scratch).glob("*.tgz")
        with tarfile.open(archive) as opened:
            for source, name in ((package["source"], package["file"]), (package["licence_file"], _licence(package))):
                member = opened.extractfile(f"package/{source}")
                assert member is not None
                (home / name).write_bytes(member.read())
    package["sha256"] = hashlib.sha256((home / package["file"]).read_bytes()).hexdigest()
    sys.stdout.write(f"{wanted}: {package['file']}\n")


def _licence(package: dict[str, str]) -> str:
    return f"LICENSE.{package['file'].split('.')[0]}.txt" if package["licence"] != "EUPL-1.2" else "LICENSE.utrecht.txt"


def written(packages: list[dict[str, str]]) -> str:
    """VENDOR.toml again."""
    lines = ["# Taken over unmodified by `python -m tests.vendoring`, which fills in the hashes."]
    for package in packages:
        lines += ["", "[[package]]", *(f'{name} = "{value}"' for name, value in package.items())]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
