"""Files of the user that a load is made from: the right one, or one clear line."""

from pathlib import Path

from harness.errors import ConfigError
from harness.fetch import sha256_file


def require(path: Path, sha256: str, where: str) -> None:
    """Raise ConfigError unless `path` is a file with this hash; `where` names the setting."""
    if not path.is_file():
        raise ConfigError(f"{where}: path={path}: no such file")
    found = sha256_file(path)
    if found != sha256:
        raise ConfigError(
            f"{where}: sha256={sha256} is not that of {path}; if it is the right file, give"
            f" sha256={found}"
        )
