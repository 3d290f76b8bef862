"""The console: pages rendered on the server, without scripts and without anything from elsewhere."""
