"""Stored evidence: lists of runs, pages, comparison, exports, verification of chains, and the JSON Schema."""
