"""What is in a dataset and what is wrong with it, as one page to keep, send and print."""
