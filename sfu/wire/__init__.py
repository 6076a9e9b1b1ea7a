"""Bytes <-> values. Total: every input has an answer, and only ``WireError`` ever leaves."""
