"""How Alembic runs here: on the engine it is handed. A kill leaves a shape that there was, never half of one."""

from typing import Any, Literal

from alembic import context

from bot.store import tables


def render_item(kind: str, item: Any, _autogen: Any) -> str | Literal[False]:
    """Write our own types as SQLAlchemy's, so that an old migration does not depend on today's code."""
    if kind == "type" and isinstance(item, tables.Moment):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and item is tables.Number:
        return 'sa.BigInteger().with_variant(sa.Integer(), "sqlite")'
    return False


engine = context.config.attributes["engine"]
with engine.connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=tables.metadata,
        render_item=render_item,
        render_as_batch=engine.dialect.name == "sqlite",
        # SQLite can take DDL back as PostgreSQL can: our connections begin by themselves, before the shape is read.
        transactional_ddl=True,
        # An index that is built without holding up who writes (CONCURRENTLY) has to leave the transaction.
        transaction_per_migration=engine.dialect.name == "postgresql",
    )
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
