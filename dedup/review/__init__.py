"""What people decide about copies."""
