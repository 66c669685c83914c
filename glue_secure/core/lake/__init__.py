"""Lake Formation as values: what is granted to whom, by which tags, and what follows from it."""
