"""`python -m tests.benchmarks [NAME…] [--json]`: measure, and print one table. Exit code 1 when a must is missed.

NAME is an area (`intake`), a benchmark (`signals_over_http`) or both (`intake.signals_over_http`).
"""

import argparse
import json
import sys
from dataclasses import asdict

from tests.benchmarks import table


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="an area or a benchmark; all if left out")
    parser.add_argument("--json", action="store_true", help="print JSON, for a script")
    said = parser.parse_args()
    known = table.found()
    strange = [name for name in said.names if not any(one.is_called(name) for one in known)]
    if strange:
        parser.error(f"no benchmark is called {', '.join(strange)}; there are: {', '.join(one.name for one in known)}")
    chosen = [one for one in known if not said.names or any(one.is_called(name) for name in said.names)]
    with table.server_for(chosen) as server:
        machine = table.machine(server)
        figures = table.measure(chosen, server)
    failed = [name for name, measured in figures.items() if measured is None]
    short = [figure for measured in figures.values() for figure in measured or () if figure.verdict == "short"]
    if said.json:
        told = [
            {"benchmark": name, **asdict(figure), "verdict": figure.verdict}
            for name, measured in figures.items()
            for figure in measured or ()
        ]
        answer = {"machine": machine, "figures": told, "failed": failed}
        sys.stdout.write(json.dumps(answer, ensure_ascii=False, indent=2) + "\n")
    else:
        on = ", ".join(f"{name} {value}" for name, value in machine.items())
        sys.stdout.write("\n".join([f"Measured on: {on}.", "", *table.lines(figures)]) + "\n")
    return int(bool(failed or short))


if __name__ == "__main__":
    sys.exit(main())
