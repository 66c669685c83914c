"""Tables of Iceberg, Delta Lake and Hudi: reads by position, writes that are verified, and what is undone."""
