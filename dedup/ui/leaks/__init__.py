"""The page of leaks between splits."""
