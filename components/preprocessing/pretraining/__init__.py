"""Turns documents into ordered pretraining records with masked spans."""
