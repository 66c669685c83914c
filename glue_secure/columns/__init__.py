"""Column policies: drop, mask, tokenise or encrypt columns before a frame reaches a sink."""
