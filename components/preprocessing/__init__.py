"""Raw Examples to the records that training reads."""
