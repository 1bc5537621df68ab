"""One file: from its bytes to a picture, numbers and a signature."""
