"""The page on which every image is a point, alike ones together."""
