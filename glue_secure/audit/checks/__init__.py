"""The checks of an audit. A module has the calls that its checks need, and evaluates their answers.

A check returns a finding for each resource, passes included. It calls no service, and derives a pass from
answers only: what was not read is UNKNOWN.
"""
