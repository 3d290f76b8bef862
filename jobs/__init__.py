"""How any work runs: kinds, spec, lifecycle, queue, supervisor, runners. Knows no kind by name of import."""
