"""How the made-up province is made, one file per step: subjects, health, tables, faults, banks' files, writing."""
