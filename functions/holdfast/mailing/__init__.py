"""Mail to people: one letter at a time while there are few, digests while there are many."""
