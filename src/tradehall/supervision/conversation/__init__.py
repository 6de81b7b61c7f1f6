"""Messages inside supervised orders: written, read, with files, and from templates."""
