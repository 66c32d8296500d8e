"""The panel "Contextual positions", and the questions to the worker behind it."""
