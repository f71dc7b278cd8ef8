"""The knowledge room: clinical facts as data files, and one small typed loader for each of them."""
