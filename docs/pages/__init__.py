"""What makes the pages and pictures of docs/ that follow from the code: `make pages` writes them anew."""
