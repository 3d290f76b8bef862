"""What people run on their own side: the client of the HTTP API, and their own keys. No server code."""
