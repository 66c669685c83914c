"""The encrypted Data Catalog of a run, and its changes after writes."""
