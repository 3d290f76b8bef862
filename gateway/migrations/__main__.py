"""Write the next step after a change of tables: ``python -m gateway.migrations "what changed"``. Read the result before keeping it."""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

from alembic import command

from catalog.database import Database
from gateway.migrations import FOLDER, config_for, upgrade_within


def main(message: str) -> None:
    """Compare the tables with a fresh database at the newest step, and write what is missing as a step of its own."""
    number = f"{1 + len(list((FOLDER / 'versions').glob('[0-9]*.py'))):04d}"
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{Path(folder) / 'empty.db'}")
        with database.transaction() as tx:
            upgrade_within(tx)
            command.revision(config_for(tx), message, autogenerate=True, rev_id=number)
        database.close()


if __name__ == "__main__":
    if len(sys.argv) != 2 or not re.fullmatch(r"\w[\w ]{2,60}", sys.argv[1]):
        sys.exit('usage: python -m gateway.migrations "what changed"')
    main(sys.argv[1])
