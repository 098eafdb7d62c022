"""A W&B server that answers what `wandb sync` and an online run ask, and keeps what it was sent."""

import gzip
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

USER = "me"


@dataclass
class Sent:
    """Everything that came, by what it was for."""

    url: str
    refusing: bool = False
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)  # GraphQL
    uploads: dict[str, bytes] = field(default_factory=dict)  # by path
    streams: dict[str, dict[str, list[Any]]] = field(default_factory=dict)  # run -> file -> lines
    bodies: list[bytes] = field(default_factory=list)

    def of(self, operation: str) -> list[dict[str, Any]]:
        """Variables of each call of one operation."""
        return [variables for name, variables in self.calls if name == operation]

    def config(self, run_id: str) -> dict[str, Any]:
        """A run's configuration as it was sent last."""
        sent = [call["config"] for call in self.of("UpsertBucket") if call["name"] == run_id]
        return {key: each["value"] for key, each in json.loads(sent[-1]).items()}

    def summary(self, run_id: str) -> dict[str, Any]:
        """A run's summary as it was uploaded at its end."""
        found: dict[str, Any] = json.loads(self.uploads[f"/run/{run_id}/wandb-summary.json"])
        return found

    def history(self, run_id: str) -> list[dict[str, Any]]:
        """A run's steps."""
        return self.streams[run_id]["wandb-history.jsonl"]

    def edges(self) -> set[tuple[str, str, str]]:
        """Lineage: (run, uses, artifact) and (run, makes, artifact), tables left out."""
        used = {
            (call["input"]["runName"], "uses", call["input"]["artifactID"])
            for call in self.of("UseArtifact")
        }
        made = {
            (call["input"]["runName"], "makes", call["input"]["artifactCollectionName"])
            for call in self.of("CreateArtifact")
            if call["input"]["runName"] and call["input"]["artifactTypeName"] != "run_table"
        }
        return used | made

    def digests(self, artifact: str) -> set[str]:
        """Contents under which an artifact was given: one where all runs meant the same."""
        return {
            call["input"]["digest"]
            for call in self.of("CreateArtifact")
            if call["input"]["artifactCollectionName"] == artifact
        }


@contextmanager
def running(*, refusing: bool = False) -> Iterator[Sent]:
    """The server, until the block ends; a refusing one takes no key."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    sent = Sent(f"http://127.0.0.1:{server.server_port}", refusing)
    server.sent = sent  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield sent
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def handle(self) -> None:
        with suppress(ConnectionError):  # the client drops its idle connections at its end
            super().handle()

    @property
    def _sent(self) -> Sent:
        found: Sent = self.server.sent  # type: ignore[attr-defined]
        return found

    def _body(self) -> bytes:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self._sent.bodies.append(body)
        return body

    def _answer(self, content: Any) -> None:
        data = json.dumps(content).encode()
        self.send_response(401 if self._sent.refusing else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self) -> None:
        self._answer({})

    def do_PUT(self) -> None:
        self._sent.uploads[self.path] = self._body()
        self._answer({})

    def do_POST(self) -> None:
        body = self._body()
        if self.path.endswith("/graphql"):
            asked = json.loads(body)
            [operation] = re.findall(r"(?:query|mutation)\s+(\w+)", asked["query"])[:1]
            variables = asked.get("variables") or {}
            self._sent.calls.append((operation, variables))
            self._answer({"data": _graphql(operation, variables, self._sent.url)})
            return
        if self.path.endswith("/file_stream"):
            files = self._sent.streams.setdefault(self.path.split("/")[4], {})
            for name, part in (json.loads(body).get("files") or {}).items():
                lines = files.setdefault(name, [])
                lines += [json.loads(line) for line in part["content"]]
        self._answer({})


def _graphql(operation: str, variables: dict[str, Any], url: str) -> dict[str, Any]:
    """As much of an answer as the client reads."""
    given = variables.get("input", {})
    entity = {"id": "entity", "name": variables.get("entity") or USER}
    project = {"id": "project", "name": variables.get("project"), "entity": entity}
    if operation == "UpsertBucket":
        names = {"name": variables["name"], "displayName": variables["displayName"]}
        bucket = {"id": "run", **names, "sweepName": None, "project": project}
        return {"upsertBucket": {"bucket": {**bucket, "historyLineCount": 0}, "inserted": True}}
    if operation == "CreateArtifact":
        made = {"id": given["artifactCollectionName"], "state": "PENDING"}
        sequence = {"artifactSequence": {"id": "sequence", "latestArtifact": None}}
        return {"createArtifact": {"artifact": made | sequence}}
    if operation == "CreateArtifactManifest":
        place = {"uploadUrl": f"{url}/manifest/{variables['artifactID']}", "uploadHeaders": []}
        file = {"id": "file", "name": "manifest", "displayName": "manifest", **place}
        return {"createArtifactManifest": {"artifactManifest": {"id": "manifest", "file": file}}}
    if operation == "CreateArtifactFiles":
        nodes = [
            {
                "id": "file",
                "name": file["name"],
                "displayName": file["name"],
                "uploadUrl": f"{url}/artifact/{file['artifactID']}/{file['name']}",
                "uploadHeaders": [],
                "artifact": {"id": file["artifactID"]},
                "storagePath": "path",
                "uploadMultipartUrls": None,
            }
            for file in given["artifactFiles"]
        ]
        return {"createArtifactFiles": {"files": {"edges": [{"node": node} for node in nodes]}}}
    if operation == "CreateRunFiles":
        files = [
            {"name": name, "uploadUrl": f"{url}/run/{variables['run']}/{name}"}
            for name in variables["files"]
        ]
        return {"createRunFiles": {"runID": "run", "uploadHeaders": [], "files": files}}
    answers: dict[str, dict[str, Any]] = {
        "ServerFeaturesQuery": {"serverInfo": {"features": []}},
        "Viewer": {
            "viewer": {
                "id": "viewer",
                "entity": USER,
                "username": USER,
                "flags": "{}",
                "teams": {"edges": []},
            }
        },
        "RunResumeStatus": {"model": {**project, "bucket": None}},
        "CommitArtifact": {
            "commitArtifact": {"artifact": {"id": variables.get("artifactID"), "digest": ""}}
        },
        "UseArtifact": {"useArtifact": {"artifact": {"id": given.get("artifactID")}}},
        "ClientIDMapping": {"clientIDMapping": {"serverID": "c2VydmVy"}},
        "ArtifactType": {"project": None},
    }
    return answers.get(operation, {})
