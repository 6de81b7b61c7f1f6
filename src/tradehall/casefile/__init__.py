"""Case files: everything of one order in one signed archive, and its verification with nothing but the archive."""
