# SPDX-License-Identifier: Apache-2.0
"""The wire API for scenarios, from the descriptors that the build made: messages by name, methods as Python callables,
and channels whose connections begin in a machine of the fleet, with its address and any certificate."""

import os
import socket
import threading
from pathlib import Path

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from givcfleet.client import CLONE_NEWNET, ask, set_namespaces
from givcfleet.paths import CERTIFICATES

ADMIN = "admin.AdminService"
UNITS = "systemd.UnitControlService"


def load_pool(descriptors):
    files = descriptor_pb2.FileDescriptorSet.FromString(Path(descriptors).read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for f in files.file:
        pool.Add(f)
    return pool, files


class Api:
    """api.message("admin.StatsRequest")(VmName="x"); api.bind(channel, "admin.AdminService", "QueryList")(request)"""

    def __init__(self, descriptors):
        self.pool, files = load_pool(descriptors)
        self.methods = {(f"{f.package}.{s.name}", m.name): m for f in files.file for s in f.service for m in s.method}

    def message(self, name):
        descriptor = self.pool.FindMessageTypeByName(name.lstrip("."))
        get = getattr(message_factory, "GetMessageClass", None)
        return get(descriptor) if get else message_factory.MessageFactory(self.pool).GetPrototype(descriptor)

    def bind(self, channel, service, name):
        method = self.methods[service, name]
        kind = ("stream" if method.client_streaming else "unary", "stream" if method.server_streaming else "unary")
        make = getattr(channel, "_".join(kind))
        return make(f"/{service}/{name}", request_serializer=self.message(method.input_type).SerializeToString,
                    response_deserializer=self.message(method.output_type).FromString)

    def call(self, channel, service, name, timeout=15, **fields):
        request = self.message(self.methods[service, name].input_type)(**fields)
        return self.bind(channel, service, name)(request, timeout=timeout)


def connect_from(machine, address, port, timeout=5):
    """A TCP connection that begins in the machine's network. A namespace belongs to a thread, a socket to neither."""
    _, (pidfd,) = ask("enter", machine, n_fds=1)
    result = []

    def connect():
        try:
            set_namespaces(pidfd, CLONE_NEWNET)
            result.append(socket.create_connection((address, port), timeout))
        except OSError as e:
            result.append(e)
    thread = threading.Thread(target=connect)
    thread.start()
    thread.join()
    os.close(pidfd)
    if isinstance(result[0], OSError):
        raise result[0]
    result[0].settimeout(None)
    return result[0]


def pump(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        for s in (source, target):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Relay:
    """A unix socket here whose connections go on from a machine to an address of the fleet."""

    def __init__(self, path, machine, address, port):
        self.path = str(path)
        self.origin, self.address, self.port = machine, address, port
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(self.path)
        self.listener.listen()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(near,), daemon=True).start()

    def serve(self, near):
        try:
            far = connect_from(self.origin, self.address, self.port)
        except OSError:
            near.close()
            return
        back = threading.Thread(target=pump, args=(far, near), daemon=True)
        back.start()
        pump(near, far)
        back.join()
        near.close()
        far.close()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def credentials(identity, ca=None):
    """The certificate of a machine (of its directory below the fleet's certificates), or none for identity None."""
    def read(directory, name):
        return (CERTIFICATES / directory / f"{name}.pem").read_bytes()
    root = read(ca or identity, "ca-cert")
    if identity is None:
        return grpc.ssl_channel_credentials(root)
    return grpc.ssl_channel_credentials(root, read(identity, "key"), read(identity, "cert"))


def open_channel(relay, name, creds, more_options=()):
    options = [("grpc.ssl_target_name_override", name), ("grpc.default_authority", name), ("grpc.enable_retries", 0),
               ("grpc.use_local_subchannel_pool", 1), *more_options]
    target = f"unix:{relay.path}"
    return grpc.secure_channel(target, creds, options) if creds else grpc.insecure_channel(target, options)
