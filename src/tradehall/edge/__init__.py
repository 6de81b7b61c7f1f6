"""What pages and API share at the edge: who is asking, what may be asked, and how problems are told."""
