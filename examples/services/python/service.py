"""Answers one agent and refuses every other, by its JWT-SVID, with py-spiffe. On loopback: a token is for confidential links only."""

import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

from spiffe import WorkloadApiClient
from spiffe.errors import PySpiffeError

agent, port = sys.argv[1], int(sys.argv[2])
workload_api = WorkloadApiClient()


class Service(BaseHTTPRequestHandler):
    def do_GET(self):
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        try:
            caller = str(workload_api.validate_jwt_svid(token, "https://sample.example").spiffe_id)
        except PySpiffeError:
            caller = None
        allowed = scheme == "Bearer" and caller == agent
        self.send_response(200 if allowed else 403 if caller else 401)
        self.end_headers()
        self.wfile.write(f"hello {caller}\n".encode() if allowed else b"refused\n")


server = HTTPServer(("localhost", port), Service)
print("listening", flush=True)
server.serve_forever()
