"""What two pictures have to do with each other."""
