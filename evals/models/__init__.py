"""One table of what the shipped local models reach, and the check that nothing they are judged by trained them."""
