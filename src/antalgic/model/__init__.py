"""How does the body answer?  Steps (equations, no numbers), their composition, and the PK shelf."""
