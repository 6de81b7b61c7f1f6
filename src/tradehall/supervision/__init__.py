"""Service supervision: what people deliver, from the buyer's requirement to the buyer's acceptance."""
