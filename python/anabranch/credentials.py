"""Key files: who this process is to a coordinator with keys, and which coordinator it means."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field

from anabranch.errors import RequestError


@dataclass(frozen=True)
class Credentials:
    """The keys of a CURVE connection, in Z85.

    Attributes
    ----------
    server : bytes
        The coordinator's public key.
    public, secret : bytes
        This process's own.
    """

    server: bytes
    public: bytes
    secret: bytes = field(repr=False)


def load_credentials(key: str, server_key: str | None = None) -> Credentials:
    """Read the keys that `anabranch keygen` made.

    Parameters
    ----------
    key : str
        File with this process's own key; nobody else may be able to read it.
    server_key : str, optional
        File with the coordinator's public key; ``coordinator.pub`` beside `key` when not given.

    Raises
    ------
    RequestError
        When a file cannot be read, has no key, or others can read the secret; the message names it.
    """
    key = os.path.abspath(key)
    server_key = os.path.abspath(server_key or os.path.join(os.path.dirname(key), "coordinator.pub"))
    public, secret = _read(key, is_secret=True)
    if secret is None:
        raise RequestError(f"key file {key} has no secret-key: name the .key file, not the .pub")
    return Credentials(_read(server_key)[0], public, secret)


def _read(path: str, is_secret: bool = False) -> tuple[bytes, bytes | None]:
    from zmq.auth import load_certificate

    try:
        mode = stat.S_IMODE(os.stat(path).st_mode)
        public, secret = load_certificate(path)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "no key is in it"
        raise RequestError(f"key file {path}: {reason}; make keys with: anabranch keygen DIR") from None
    # Of a public key, which is no secret, the mode is nobody's mistake.
    if is_secret and secret is not None and mode & 0o077:
        raise RequestError(f"key file {path} has mode {mode:04o}, so that others can read the secret: chmod 600 {path}")
    for one in (public, secret):
        if one is not None and len(one) != 40:
            raise RequestError(f"key file {path} has a key that is not 40 characters of Z85")
    return public, secret
