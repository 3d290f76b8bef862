"""Every floor's tables, gathered: importing a ``tables`` module registers it in the one MetaData."""

from __future__ import annotations

import catalog.tables
import engines.intake.tables
import jobs.tables
import sandbox.tables
from catalog.database import metadata

__all__ = ["metadata"]

FLOORS = (catalog.tables, jobs.tables, sandbox.tables, engines.intake.tables)
