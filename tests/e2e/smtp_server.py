"""Real SMTP servers on loopback, for alerts.test.mjs: python3 smtp_server.py CERTIFICATE KEY OTHER_CERTIFICATE OTHER_KEY

Says {"ports": {...}} on a line of its own, then each message that comes as a line of JSON."""
import asyncio
import json
import ssl
import sys
from email import message_from_bytes
from email.policy import default

from aiosmtpd.smtp import SMTP, AuthResult

USER, PASSWORD = b"mailer", b"open sesame 42"


class Handler:
    def __init__(self, name):
        self.name = name

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody@"):
            return "550 5.1.1 no such user here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        message = message_from_bytes(envelope.content, policy=default)
        parts = [part for part in message.walk() if not part.is_multipart()]
        print(json.dumps({
            "server": self.name, "from": envelope.mail_from, "to": envelope.rcpt_tos, "hello": session.host_name,
            "signedIn": session.authenticated, "method": getattr(session, "auth_method", None), "tls": session.ssl is not None,
            "headers": dict(message.items()), "defects": [str(defect) for defect in message.defects],
            "texts": {part.get_content_type(): part.get_content().replace("\r\n", "\n") for part in parts},
        }), flush=True)
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    session.auth_method = mechanism
    return AuthResult(handled=False, success=data.login == USER and data.password == PASSWORD)


async def main():
    contexts = []
    for certificate, key in (sys.argv[1:3], sys.argv[3:5]):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        contexts.append(context)
    signing_in = {"authenticator": authenticate, "auth_required": True}
    servers = {
        "clear": ({}, None),
        "starttls": ({"tls_context": contexts[0], "require_starttls": True, **signing_in}, None),
        "untrusted": ({"tls_context": contexts[1], "require_starttls": True, **signing_in}, None),
        "tls": ({"auth_require_tls": False, **signing_in}, contexts[0]),
    }
    loop = asyncio.get_running_loop()
    ports, kept = {}, []
    for name, (options, context) in servers.items():
        server = await loop.create_server(
            lambda name=name, options=options: SMTP(Handler(name), hostname="smtp.test", **options), "127.0.0.1", 0, ssl=context)
        ports[name] = server.sockets[0].getsockname()[1]
        kept.append(server)
    print(json.dumps({"ports": ports}), flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
