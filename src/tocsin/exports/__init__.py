"""Exports: results in other people's formats, one file a format."""
