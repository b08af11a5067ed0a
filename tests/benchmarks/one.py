"""One benchmark in a process of its own, so that the memory it measures is its own. Started by `table`."""

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path


@contextmanager
def databases(server: str) -> Iterator[Callable[[str], str]]:
    """What makes a fresh, migrated database by name and gives its URL; they are dropped at the end."""
    from sqlalchemy import create_engine, make_url

    from bot.store import schema

    address = make_url(server)
    admin = create_engine(address.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    made = []

    def create(name: str) -> str:
        with admin.connect() as connection:
            connection.exec_driver_sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            connection.exec_driver_sql(f'CREATE DATABASE "{name}"')
        made.append(name)
        url = address.set(drivername="postgresql", database=name)
        engine = schema.open_engine(url.render_as_string(hide_password=False))
        schema.migrate(engine)
        engine.dispose()
        return url.render_as_string(hide_password=False)

    try:
        yield create
    finally:
        with admin.connect() as connection:
            for name in made:
                connection.exec_driver_sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        admin.dispose()


def main(module: str, function: str, scratch: str, server: str, into: str) -> None:
    """`server` is the address of a PostgreSQL server, or empty for a benchmark that takes none."""
    benchmark = getattr(importlib.import_module(f"tests.benchmarks.{module}"), function)
    if server:
        with databases(server) as create:
            figures = benchmark(Path(scratch), create)
    else:
        figures = benchmark(Path(scratch))
    Path(into).write_text(json.dumps([asdict(figure) for figure in figures]), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
