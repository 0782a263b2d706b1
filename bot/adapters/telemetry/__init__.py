"""Those who hear of pieces of work."""
