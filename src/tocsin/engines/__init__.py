"""Engines: what reads, maps, cuts, sorts, and feeds the timeline."""
