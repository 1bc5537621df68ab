"""The page that makes splits."""
