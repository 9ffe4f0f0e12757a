"""Bytes to plain values: files written whole, opened safely, hashed and fetched. Nothing here knows a generator."""
