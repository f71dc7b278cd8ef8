"""Coding: ICD-10-CM for a record, in claim order, and what its documentation lacks."""
