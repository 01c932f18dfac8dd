"""The operator's command: what people do with Holdfast from a terminal."""
