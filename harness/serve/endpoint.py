"""A server that already runs, or a hosted API: checked, never started or stopped."""

import os

import httpx

from harness.config.run import EndpointEngine
from harness.errors import SetupError


def api_key(engine: EndpointEngine) -> str | None:
    """The key from the environment variable that the configuration names."""
    if engine.api_key_env is None:
        return None
    key = os.environ.get(engine.api_key_env)
    if not key:
        raise SetupError(f"engine.api_key_env: the variable {engine.api_key_env} is not set")
    return key


def check(engine: EndpointEngine) -> None:
    """Raise SetupError unless the endpoint answers one real completion."""
    key = api_key(engine)
    body = {"model": engine.served_model, "prompt": "1 2 3", "max_tokens": 1}
    try:
        answer = httpx.post(
            f"{engine.base_url}/v1/completions",
            json=body,
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=engine.startup_timeout_s,
        )
    except httpx.HTTPError as error:
        raise SetupError(f"engine.base_url={engine.base_url} does not answer: {error}") from error
    if answer.status_code != 200:
        raise SetupError(
            f"engine.base_url={engine.base_url} answered {answer.status_code}:"
            f" {answer.text.strip()[:200]}"
        )
