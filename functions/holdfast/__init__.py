"""The core of Holdfast: values and decisions. AWS is called in the adapters only, one for each service."""
