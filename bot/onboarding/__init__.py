"""Opens merge requests with a ready pipeline."""
