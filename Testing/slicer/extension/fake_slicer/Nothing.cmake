# The real file writes a configuration for extensions that depend on this one.
