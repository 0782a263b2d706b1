"""How records look in answers. Field by field after GitLab's entities (lib/api/entities)."""
