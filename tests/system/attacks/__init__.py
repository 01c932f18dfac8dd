"""Attacks on the organization, as stories: what an attacker does, what is told, and that all is as it was."""
