"""Encoders that others have published: e4e, pSp, ReStyle and IDInvert."""
