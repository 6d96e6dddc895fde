"""Named queries and the functions that ask them."""
