"""One press of Apply: volumes to the worker, results into the scene."""
