"""Train, validation and test: where splits come from, leaks between them, their repair."""
