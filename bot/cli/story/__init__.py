"""The demo's parts: the stage it plays on, the people in it, what is told, and the proof at the end."""
