"""Ways to take a selection out of a dataset. A new one is one file and one name in EXPORTS."""
