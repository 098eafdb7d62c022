"""Records and judgements -> one table, files for procurement, a page."""
