"""What runs on the other side of the wall: standard library only, bound into the jail as files."""
