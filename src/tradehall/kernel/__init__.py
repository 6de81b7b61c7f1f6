"""What every room stands on. Knows no business word."""
