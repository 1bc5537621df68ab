"""Which images: filters and orders as values."""
