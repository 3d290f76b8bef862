"""Examples that run from a clone of the repository; no part of the installed distribution."""
