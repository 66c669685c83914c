"""Sources and sinks of connectors in local Spark."""
