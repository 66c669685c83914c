"""What a dynamic frame is, without Spark: types, records, field paths. Standard library only."""
