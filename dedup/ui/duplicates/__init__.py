"""The page that reviews and removes duplicates."""
