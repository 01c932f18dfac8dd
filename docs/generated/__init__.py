"""The parts of the README that are drawn from the sources: each module here is one of them."""
