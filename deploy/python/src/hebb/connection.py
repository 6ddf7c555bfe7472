# SPDX-License-Identifier: Apache-2.0
"""The way to the coordinator: gRPC with the deadlines, retries and credentials of `hebb`."""
from __future__ import annotations

import os
import pathlib
import stat
import time
import typing

import grpc

from hebb.errors import HebbError

DEFAULT_ADDRESS = "127.0.0.1:7070"
_CALL_SECONDS = 20.0
_PATIENCE_SECONDS = 3.0  # how long a call is repeated while the coordinator is away
_MESSAGE_BYTES = 16 << 20
_OPTIONS = [
    ("grpc.max_receive_message_length", _MESSAGE_BYTES),
    ("grpc.max_send_message_length", _MESSAGE_BYTES),
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1_000),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.enable_http_proxy", 0),
]

Response = typing.TypeVar("Response")
Made = typing.TypeVar("Made", covariant=True)


class Message(typing.Protocol):
    """What protoc makes."""

    def SerializeToString(self) -> bytes:
        ...


class MessageType(typing.Protocol[Made]):
    def FromString(self, data: bytes) -> Made:
        ...


class Credentials(typing.NamedTuple):
    ca: bytes
    token: str  # "": none is shown
    certificate: bytes | None
    key: bytes | None


def _secret(path: pathlib.Path) -> bytes:
    if path.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH):
        raise HebbError(
            "FAILED_PRECONDITION", f"{path} can be read by everybody; take that away with chmod 600"
        )
    return path.read_bytes()


def read_folder(folder: pathlib.Path) -> Credentials:
    """A folder that `hebb certs` makes (docs/security.md)."""

    def there(name: str, read: typing.Callable[[pathlib.Path], bytes]) -> bytes | None:
        path = folder / name
        return read(path) if path.exists() else None

    ca = there("ca.crt", pathlib.Path.read_bytes)
    certificate = there("tls.crt", pathlib.Path.read_bytes)
    key = there("tls.key", _secret)
    token = (there("token", _secret) or b"").decode().strip()
    wanted = {"ca.crt": ca, "token": token or certificate}
    if certificate or key:
        wanted |= {"tls.crt": certificate, "tls.key": key}
    for name, found in wanted.items():
        if not found:
            raise HebbError(
                "NOT_FOUND",
                f"no {folder / name}; make the folder with `hebb certs init`, " "or name another",
            )
    assert ca is not None
    return Credentials(ca, token, certificate, key)


def _channel(address: str, credentials: Credentials | None) -> grpc.Channel:
    if credentials is None:
        return grpc.insecure_channel(address, options=_OPTIONS)
    shown = grpc.ssl_channel_credentials(credentials.ca, credentials.key, credentials.certificate)
    if credentials.token:
        shown = grpc.composite_channel_credentials(
            shown, grpc.access_token_call_credentials(credentials.token)
        )
    return grpc.secure_channel(address, shown, options=_OPTIONS)


class Connection:
    """Thread-safe. Every error is a HebbError."""

    def __init__(self, address: str, credentials: Credentials | None) -> None:
        self.address = address
        self._secure = credentials is not None
        self._channel = _channel(address, credentials)

    def close(self) -> None:
        self._channel.close()

    def call(self, method: str, request: Message, response: MessageType[Response]) -> Response:
        """Repeated while nobody answers, for a few seconds: all calls are safe to repeat."""
        stub = self._channel.unary_unary(
            f"/hebb.v1.Jobs/{method}",
            request_serializer=_serialized,
            response_deserializer=response.FromString,
        )
        give_up, pause = time.monotonic() + _PATIENCE_SECONDS, 0.1
        while True:
            try:
                answer: Response = stub(request, timeout=_CALL_SECONDS)
                return answer
            except grpc.RpcError as error:
                away = error.code() == grpc.StatusCode.UNAVAILABLE
                if not away or time.monotonic() + pause > give_up:
                    raise self._error(error) from None
            time.sleep(pause)
            pause = min(2 * pause, 1.0)

    def stream(
        self,
        method: str,
        request: Message,
        response: MessageType[Response],
        timeout: float | None = None,
    ) -> typing.Iterator[Response]:
        """Not repeated. Leaving the iterator ends the call."""
        stub = self._channel.unary_stream(
            f"/hebb.v1.Jobs/{method}",
            request_serializer=_serialized,
            response_deserializer=response.FromString,
        )
        call = stub(request, timeout=timeout)
        try:
            yield from call
        except grpc.RpcError as error:
            raise self._error(error) from None
        finally:
            call.cancel()

    def upload(
        self,
        method: str,
        chunks: typing.Iterator[Message],
        response: MessageType[Response],
        timeout: float,
    ) -> Response:
        stub = self._channel.stream_unary(
            f"/hebb.v1.Jobs/{method}",
            request_serializer=_serialized,
            response_deserializer=response.FromString,
        )
        try:
            answer: Response = stub(chunks, timeout=timeout)
            return answer
        except grpc.RpcError as error:
            raise self._error(error) from None

    def _error(self, error: grpc.RpcError) -> HebbError:
        code: str = error.code().name
        if code != "UNAVAILABLE":
            return HebbError(code, error.details())
        details = " ".join(error.details().split())
        if self._secure and ("handshake" in details.lower() or "CERTIFICATE" in details):
            return HebbError(
                code,
                f"no safe connection to the coordinator at {self.address}: {details}; use "
                "the credentials that were made for this cluster",
            )
        hint = "" if self._secure else ", or give credentials if it speaks TLS"
        return HebbError(
            code,
            f"no coordinator answers at {self.address}; start one with `hebb up`, or give "
            f"connect() or HEBB_ADDRESS another address{hint}",
        )


def _serialized(message: Message) -> bytes:
    return message.SerializeToString()


def choose(
    address: str | None,
    credentials: str | os.PathLike[str] | None,
    token: str | None,
    ca: str | os.PathLike[str] | None,
) -> Connection:
    """The connection that these arguments of connect() and the environment ask for."""
    where = address or os.environ.get("HEBB_ADDRESS") or DEFAULT_ADDRESS
    if token is not None or ca is not None:
        if token is None or ca is None or credentials is not None:
            raise HebbError(
                "INVALID_ARGUMENT",
                "a token is sent over TLS only; give token and ca, the file of the "
                "cluster's authority, or credentials, a folder with both",
            )
        try:
            authority = pathlib.Path(ca).read_bytes()
        except OSError as error:
            raise HebbError(
                "NOT_FOUND", f"cannot read {ca}: {error.strerror}; give the cluster's ca.crt"
            ) from None
        return Connection(where, Credentials(authority, token, None, None))
    folder = credentials or os.environ.get("HEBB_CREDENTIALS")
    return Connection(where, read_folder(pathlib.Path(folder)) if folder else None)
