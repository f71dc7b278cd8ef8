"""Programs for the people who build Tocsin: none of this is installed."""
