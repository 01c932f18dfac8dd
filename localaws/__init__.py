"""The embedded AWS: run a SAM template on one machine, without Docker and without an account.

moto is the base. This package adds what moto lacks, as a chain of small layers in front of it,
so that any AWS client can talk to one endpoint. It knows nothing of the template that it runs.
"""
