"""As much of voco3d as a job sees, in the blink of an eye."""
