"""Small programs that run as they stand; each opens with what it leaves out."""
