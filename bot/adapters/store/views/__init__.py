"""What the dashboard reads, on a connection that cannot write. See bot.ports.views."""
