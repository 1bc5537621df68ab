"""Groups, who stays in them, scores: the frame."""
