"""All the bot ever posts: pure functions from a release report to Markdown."""
