"""A readings service: sensors post numbers, people read averages."""

__version__ = "1.4.0"
