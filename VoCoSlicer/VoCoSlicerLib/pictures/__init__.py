"""Pictures of a scene, and views fitted to it, without a window."""
