"""Messages generated from ``Proto/anabranch/v1``; do not edit."""
