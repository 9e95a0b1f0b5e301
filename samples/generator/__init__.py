"""Writes sample exports of the five source products. Standard library only; the same seed gives the same bytes everywhere."""
