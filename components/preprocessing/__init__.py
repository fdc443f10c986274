"""Turns raw Examples into the records that training and evaluation read."""
