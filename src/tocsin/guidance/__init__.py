"""Guidance: what the state of a patient calls for, by which rule, with which dose and clock; and an audit of what was done."""
