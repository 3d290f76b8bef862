"""Checks, a family per file: `measure` runs in a jail on canonical bytes and pinned rows, `judge` turns its figures into findings."""
