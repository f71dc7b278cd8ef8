"""What people look at: one course structure, and what draws it."""
