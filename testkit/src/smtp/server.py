"""Mail server for tests: says what happens as JSON lines on stdout, takes one fault a line on stdin, ends with stdin."""
import asyncio, base64, json, logging, ssl, sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

options = json.loads(sys.argv[1])
faults = []
logging.disable()


def say(**what):
    print(json.dumps(what), flush=True)


def authenticate(server, session, envelope, mechanism, data):
    right = (
        isinstance(data, LoginPassword)
        and data.login == options["user"].encode()
        and data.password == options["password"].encode()
    )
    return AuthResult(success=right, handled=False, auth_data=options["user"] if right else None)


class Handler:
    async def handle_DATA(self, server, session, envelope):
        fault = faults.pop(0) if faults else None
        mail = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "tls": session.ssl is not None,
            "user": session.auth_data,
            "content": base64.b64encode(envelope.original_content).decode(),
        }
        if fault in (None, "drop-after-taking"):
            say(mail=mail)
        if fault is not None:
            say(fault=fault)
        if fault in ("drop", "drop-after-taking"):
            server.transport.abort()
            return "421 4.4.2 gone"
        return {"450": "450 4.2.0 try again later", "550": "550 5.7.1 refused"}.get(fault, "250 2.0.0 taken")


async def main():
    loop = asyncio.get_running_loop()
    context = None
    if options["tls"]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options["certificate"], options["key"])
    settings = dict(hostname="mail.test", tls_context=context, require_starttls=options["tls"], enable_SMTPUTF8=False)
    if options["auth"]:
        settings.update(authenticator=authenticate, auth_required=True, auth_require_tls=options["tls"])
    server = await loop.create_server(lambda: SMTP(Handler(), **settings), "127.0.0.1", 0)
    say(port=server.sockets[0].getsockname()[1])
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        faults.append(line.decode().strip())
        say(queued=faults[-1])


asyncio.run(main())
