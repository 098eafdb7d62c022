"""summary.xlsx: a memo to decide from, a sheet a question, assumptions that may be changed."""
