"""The airlock: what leaves the box is checked in jails, judged by policy, voted on by two officers, signed and packaged."""
