"""Generated functions of every surface."""
