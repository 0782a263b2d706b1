"""The organisation as an auditor reads it: hundreds of projects a request, and never a variable's value."""
