"""The page of label clashes."""
