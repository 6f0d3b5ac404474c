"""What pyproject.toml cannot say: a wheel with the program in it (``make wheel``) is for one platform, any Python 3."""

import pathlib

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel

CARRIES_PROGRAM = (pathlib.Path(__file__).parent / "anabranch" / "bin" / "anabranch").exists()


class ProgramDistribution(Distribution):
    """A distribution with machine code in it, though no extension module."""

    def has_ext_modules(self) -> bool:
        """Whether the wheel is for one platform only."""
        return CARRIES_PROGRAM


class ProgramWheel(bdist_wheel):
    """A wheel for any Python 3 of the platform."""

    def get_tag(self) -> tuple[str, str, str]:
        """Return Python, ABI and platform of the wheel's name."""
        _, _, platform = super().get_tag()
        return "py3", "none", platform


setup(distclass=ProgramDistribution, cmdclass={"bdist_wheel": ProgramWheel})
