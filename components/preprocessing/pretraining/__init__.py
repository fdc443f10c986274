"""Documents to ordered, masked segments."""
