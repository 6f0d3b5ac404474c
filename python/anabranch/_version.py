"""The version of the package, apart so that the runtime and the build can read it without importing anything else."""

__version__ = "0.1.0"
