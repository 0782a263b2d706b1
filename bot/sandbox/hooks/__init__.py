"""Webhooks: what they say (`payloads`) and how they are sent (`delivery`)."""
