"""The HTTP interface, one file per area. Every route's signature names the permission it needs (see ``doors``)."""
