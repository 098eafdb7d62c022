"""The page for procurement and legal: one file, no network, good on paper."""
