"""Pictures of crops, overlaps, similarities and training curves."""
