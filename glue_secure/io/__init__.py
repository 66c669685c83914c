"""Reads, writes, purges and transitions of a run."""
