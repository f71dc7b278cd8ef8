"""The commands of `tocsin`: each parses, calls the API and prints."""
