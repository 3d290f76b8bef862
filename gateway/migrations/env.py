"""What Alembic runs: it migrates the connection it is handed and opens none of its own."""

from __future__ import annotations

from alembic import context

from gateway.migrations.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,  # also on SQLite, whose transactions our engine begins itself
    render_as_batch=True,  # SQLite alters a table by copying it
)
with context.begin_transaction():
    context.run_migrations()
