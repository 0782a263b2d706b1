"""The embedded GitLab as an OAuth 2 provider: sign-in, consent, codes, tokens. It speaks as the gem doorkeeper does."""
