"""The page of exports."""
