"""Published lists: readers by format, and dated, hashed snapshots of them."""
