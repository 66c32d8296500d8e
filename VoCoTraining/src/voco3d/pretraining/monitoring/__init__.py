"""What one watches of a run: measurements, their record, warnings and the report."""
