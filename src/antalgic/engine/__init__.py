"""How is it solved?  Compiled numerics that know nothing of drugs."""
