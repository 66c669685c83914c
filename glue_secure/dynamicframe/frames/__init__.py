"""Spark implementations of DynamicFrame's transformations: functions from tables to new tables."""
