"""The dashboard: pages that a browser shows without asking anybody else for anything."""
