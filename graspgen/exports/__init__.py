"""Everybody else's formats: one module each, written from a dataset as `graspgen.open` gives it."""
