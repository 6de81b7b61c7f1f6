"""What `tradehall …` does, one file per command or family of commands."""
