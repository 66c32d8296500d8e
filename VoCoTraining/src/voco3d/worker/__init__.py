"""A process that segments for another program: JSON-RPC 2.0, a message a line.

``python -m voco3d.worker`` reads requests from standard input and writes answers and
notifications to standard output; standard error is a log for people.
"""
