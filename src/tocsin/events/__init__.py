"""Events: the door through which raw rows become canonical events."""
