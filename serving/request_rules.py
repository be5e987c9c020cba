"""Rules of HTTP that the parser does not check; a request that breaks one may mean something else to a proxy."""

import re

HOST = re.compile(rb"[A-Za-z0-9._~!$&'()*+,;=%:\[\]-]*")
VERSIONS = ("1.0", "1.1")
HOP = (b"connection", b"upgrade", b"http2-settings")
Headers = list[tuple[bytes, bytes]]


def broken(version: str, target: bytes, headers: Headers) -> int:
    """The status of the refusal of a request by its head, 0 if it breaks no rule.

    The rules are of RFC 9112: one valid Host (3.2), no fragment in the target (3.2), chunked as the only transfer
    coding (6.1) and only in HTTP/1.1, which is the newest version here (2.3).
    """
    if version not in VERSIONS:
        return 505
    hosts, codings = [], []
    for name, value in headers:  # once, because each request pays for it
        if name == b"host":
            hosts.append(value)
        elif name == b"transfer-encoding":
            codings.append(value.strip().lower())
    if len(hosts) > 1 or (version == "1.1" and not hosts) or not all(map(HOST.fullmatch, hosts)) or b"#" in target:
        return 400
    if not codings:
        return 0
    return 400 if version == "1.0" else 0 if codings == [b"chunked"] else 501


def expects_continue(version: str, headers: Headers) -> bool:
    """Whether the client waits for `100 Continue` before it sends the body; not in HTTP/1.0 (RFC 9110, 10.1.1)."""
    return version == "1.1" and any(name == b"expect" and value.lower() == b"100-continue" for name, value in headers)


def without_upgrade(headers: Headers) -> Headers:
    """The headers without a protocol upgrade; the other words of `Connection` stay."""
    words = [word.strip() for name, value in headers if name == b"connection" for word in value.split(b",")]
    kept = [word for word in words if word.lower() not in HOP]
    others = [(name, value) for name, value in headers if name not in HOP]
    return [*others, (b"connection", b", ".join(kept))] if kept else others
