"""The worker: a `voco3d` process beside Slicer that does the computing."""
