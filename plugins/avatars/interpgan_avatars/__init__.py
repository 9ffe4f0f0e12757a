"""Avatars."""
