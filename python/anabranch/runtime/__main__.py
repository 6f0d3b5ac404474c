"""Entry of ``python -m anabranch.runtime --fd N``."""

import sys

from anabranch.runtime.process import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
