"""The sealed box: workspace (inputs, outputs), jail, modelling, airlock."""
