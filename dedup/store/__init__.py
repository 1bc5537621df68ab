"""A dataset's directory and what people decided, on disk."""
