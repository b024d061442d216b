"""Evaluation: indicators as checked formulas, their recomputation when late data arrive, and datasets.

`formula`, `minutes`, `periods`, `evaluate` and `dataset.verify` need neither database nor network.
"""
