"""The Python child of a worker's slot: ``python -m anabranch.runtime --fd N`` runs tasks that come over a socket pair.

``docs/protocol.md``, "Worker and runtime", is the contract. Importing this package imports neither NumPy nor pandas
nor scikit-learn: a child that runs plain functions never pays for them.
"""
