"""Pictures as vectors, a model's or those of their signatures: who is near whom, the map, and the most different ones.

Cosine similarity says that two pictures are of the same kind, never that one is a copy of the other: every receipt is
near every receipt. So nothing here decides; what is a copy is told by `dedup.matching`.
"""
