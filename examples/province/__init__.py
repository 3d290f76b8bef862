"""A small, made-up province: six departments' tables, two banks, and everything in them invented."""
