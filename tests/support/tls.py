"""A server on loopback that speaks TLS, under a certificate that nobody but itself vouches for."""

import json
import ssl
import threading
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


@contextmanager
def https(folder: Path, body: dict[str, Any]) -> Generator[tuple[str, Path]]:
    """Answer every GET with a JSON object; give the address, and the file of the authority."""
    file = folder / "server.pem"
    file.write_bytes(_certificate())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    listener = HTTPServer(("127.0.0.1", 0), Handler)
    listener.socket = context.wrap_socket(listener.socket, server_side=True)
    listener.handle_error = lambda *_: None  # type: ignore[method-assign]
    threading.Thread(target=listener.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"https://localhost:{listener.server_address[1]}", file
    finally:
        listener.shutdown()
        listener.server_close()


def _certificate() -> bytes:
    """Return a key and a certificate for localhost, signed with that key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")]), datetime.now(UTC)
    day = timedelta(days=1)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now - day, now + day)
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
    made = made.add_extension(x509.BasicConstraints(True, None), True)
    plain = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return plain + made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
