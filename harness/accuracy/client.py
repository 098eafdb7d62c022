"""lm-eval's completions client with a cache that knows the model, and failures that stay single.

lm-eval's own client loses every answer of a task when one request fails for good, does not keep
why an answer ended, and its cache does not know which model answered.
"""

import json
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp
from lm_eval.models.openai_completions import LocalCompletionsAPI

FAILED_TEXT = ""
FAILED_LOGPROB = (float("-inf"), False)


class AnswerCache:
    """Answers by request in one SQLite file; the caller gives each model its own file."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path)
        self._db.execute("CREATE TABLE IF NOT EXISTS answers (request TEXT PRIMARY KEY, body TEXT)")

    def get(self, request: str) -> dict[str, Any] | None:
        """The kept answer, or None."""
        row = self._db.execute("SELECT body FROM answers WHERE request = ?", (request,)).fetchone()
        return json.loads(row[0]) if row else None

    def put(self, request: str, body: dict[str, Any]) -> None:
        """Keep an answer; on disk when this returns."""
        with self._db:
            self._db.execute(
                "INSERT OR REPLACE INTO answers VALUES (?, ?)", (request, json.dumps(body))
            )


class Completions(LocalCompletionsAPI):  # type: ignore[misc]  # lm-eval ships no types
    """Asks `/v1/completions`; keeps finish reason and usage of every generated answer."""

    def __init__(self, *, cache: AnswerCache, api_key: str | None, **kwargs: Any) -> None:
        self._key = api_key
        super().__init__(**kwargs)
        self._cache = cache
        self._attempts: Counter[str] = Counter()
        self.ended: dict[str, dict[str, Any]] = {}  # context -> finish_reason and tokens
        self.failed: dict[str, str] = {}  # JSON of (context[, continuation]) -> reason
        self.asked = 0  # requests that really went out

    @property
    def header(self) -> dict[str, str]:
        """No authorization without a key: an empty bearer token is not a legal header."""
        return {"Authorization": f"Bearer {self._key}"} if self._key else {}

    async def amodel_call(  # lm-eval's signature
        self,
        session: aiohttp.ClientSession,
        sem: Any,
        messages: list[Any],
        *,
        generate: bool = True,
        cache_keys: list[Any] | None = None,
        ctxlens: list[int] | None = None,
        gen_kwargs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> list[Any]:
        """One request. lm-eval's retry calls this again when it raises; the last try does not."""
        payload = self._create_payload(
            self.create_message(messages),
            generate=generate,
            gen_kwargs=dict(gen_kwargs or {}),
            seed=self._seed,
            **kwargs,
        )
        request = json.dumps(payload, sort_keys=True)
        label = cache_keys[0] if cache_keys else None
        body = self._cache.get(request)
        if body is None:
            async with sem:
                try:
                    self.asked += 1
                    async with session.post(
                        self.base_url, json=payload, headers=self.header
                    ) as answer:
                        if answer.status != 200:
                            raise RuntimeError(f"HTTP {answer.status}: {await answer.text()}"[:300])
                        body = await answer.json()
                except Exception as error:  # any kind: it costs this item, never the whole task
                    self._attempts[request] += 1
                    if self._attempts[request] < self.max_retries:
                        raise
                    return self._give_up(label, generate, error)
            self._cache.put(request, body)
        if generate:
            choice, usage = body["choices"][0], body.get("usage", {})
            self.ended[label[0] if label else ""] = {
                "finish_reason": choice.get("finish_reason"),
                "prompt_tokens": usage.get("prompt_tokens"),
                "output_tokens": usage.get("completion_tokens"),
            }
            return [choice.get("text") or ""]
        scored: list[Any] = self.parse_logprobs(outputs=body, tokens=messages, ctxlens=ctxlens)
        return scored

    def _give_up(self, label: Any, generate: bool, error: Exception) -> list[Any]:
        key = [label[0]] if generate else list(label)
        self.failed[json.dumps(key, ensure_ascii=False)] = f"{type(error).__name__}: {error}"
        return [FAILED_TEXT if generate else FAILED_LOGPROB]
