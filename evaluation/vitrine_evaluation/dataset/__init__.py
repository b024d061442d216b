"""Datasets: a package that says what was measured, and from whose raw values everything in it can be computed again."""
