"""The parts of the documentation that are drawn from the sources: each module here is one of them."""
