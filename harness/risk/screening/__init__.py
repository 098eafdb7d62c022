"""Names against lists: exact by a curated alias table; anything less only proposes."""
