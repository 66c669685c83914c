"""Tables of Iceberg, Delta Lake and Hudi in a Spark session.

The classes of the formats are called through the JVM, because their Python APIs do not name commits.
"""
