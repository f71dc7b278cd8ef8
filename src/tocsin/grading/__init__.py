"""The grading room: from findings at one moment to the set of grades that each scale allows."""
