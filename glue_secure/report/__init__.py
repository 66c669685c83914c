"""Evidence for people: lists of runs, the page of a run, the comparison of two runs, and the JSON Schema."""
