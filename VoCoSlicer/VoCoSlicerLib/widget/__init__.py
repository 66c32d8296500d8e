"""The window: its parts and panels, on Qt."""
