"""One of each thing that a package can add to dedup, each kind in a module of its own."""
