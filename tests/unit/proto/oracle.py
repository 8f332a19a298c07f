#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Python's protobuf as the witness of what our bytes and JSON must be; reads a descriptor set, prints for the C tests.

    oracle.py describe SET          every service, method, message, field and enum value on a line of its own
    oracle.py bytes SET FILE        FILE's lines (type, json) with the bytes that Python makes of them
    oracle.py vectors SET           generated messages of every type: bytes, JSON in three styles and in other words
    oracle.py seeds SET DIR         writes some of the vectors to DIR/unpack and DIR/json, as the fuzz targets read them
"""

import base64
import json
import math
import os
import random
import struct
import sys

from google.protobuf import descriptor, descriptor_pb2, descriptor_pool, json_format, message_factory

F = descriptor.FieldDescriptor
INTS = {
    F.TYPE_INT32: (-2**31, 2**31 - 1), F.TYPE_SINT32: (-2**31, 2**31 - 1), F.TYPE_SFIXED32: (-2**31, 2**31 - 1),
    F.TYPE_UINT32: (0, 2**32 - 1), F.TYPE_FIXED32: (0, 2**32 - 1),
    F.TYPE_INT64: (-2**63, 2**63 - 1), F.TYPE_SINT64: (-2**63, 2**63 - 1), F.TYPE_SFIXED64: (-2**63, 2**63 - 1),
    F.TYPE_UINT64: (0, 2**64 - 1), F.TYPE_FIXED64: (0, 2**64 - 1),
}
TYPES = {v: k[5:].lower() for k, v in vars(F).items() if k.startswith("TYPE_")}
VARIANTS_MAX = 6


class Set:
    """The files of a descriptor set, in a pool of their own: Python has some of the names in its own."""

    def __init__(self, path):
        self.files = descriptor_pb2.FileDescriptorSet()
        with open(path, "rb") as f:
            self.files.ParseFromString(f.read())
        self.pool = descriptor_pool.DescriptorPool()
        for f in self.files.file:
            self.pool.Add(f)
        self.factory = message_factory.MessageFactory(self.pool)

    def message(self, name):
        return self.factory.GetPrototype(self.pool.FindMessageTypeByName(name))()

    def types(self):
        def walk(d):
            if not d.GetOptions().map_entry:
                yield d
            for n in d.nested_types:
                yield from walk(n)

        for f in self.files.file:
            for d in self.pool.FindFileByName(f.name).message_types_by_name.values():
                yield from walk(d)


def describe_message(prefix, m):
    name = f"{prefix}.{m.name}"
    yield f"message {name}{' map' if m.options.map_entry else ''}"
    for f in m.field:
        label = "repeated" if f.label == f.LABEL_REPEATED else "optional" if f.proto3_optional else "single"
        oneof = m.oneof_decl[f.oneof_index].name if f.HasField("oneof_index") and not f.proto3_optional else "-"
        kind = f.type_name.lstrip(".") if f.type_name else "-"
        yield f"field {name}.{f.name} {f.number} {label} {TYPES[f.type]} {kind} {oneof} {f.json_name}"
    for e in m.enum_type:
        yield from describe_enum(name, e)
    for n in m.nested_type:
        yield from describe_message(name, n)


def describe_enum(prefix, e):
    yield f"enum {prefix}.{e.name}"
    for v in e.value:
        yield f"value {prefix}.{e.name} {v.name} {v.number}"


def describe(s):
    for f in sorted(s.files.file, key=lambda f: f.name):
        yield f"file {f.name} {f.package} {f.syntax}"
        for i in f.dependency:
            yield f"import {f.name} {i}"
        for service in f.service:
            for m in service.method:
                kind = {(0, 0): "unary", (0, 1): "server-stream", (1, 0): "client-stream",
                        (1, 1): "bidi"}[m.client_streaming, m.server_streaming]
                yield (f"method {f.package}.{service.name} {m.name} {m.input_type.lstrip('.')} "
                       f"{m.output_type.lstrip('.')} {kind}")
        for e in f.enum_type:
            yield from describe_enum(f.package, e)
        for m in f.message_type:
            yield from describe_message(f.package, m)


def some_string(rng):
    return rng.choice(["", "x", "net-vm.service", "ünïcödé ✓ 🦆", "tab\tquote\"back\\slash\n", "a" * 300,
                       "\x7f\u0080\uffff"])


def some_float(rng, single):
    v = rng.choice([0.0, 1.0, -1.5, 0.1, 1e-7, 123456.789, 3e38, math.nan, math.inf, -math.inf, rng.uniform(-1e9, 1e9)])
    return struct.unpack("f", struct.pack("f", v))[0] if single else rng.choice([v, 1.7976931348623157e308, 5e-324])


def some_value(s, f, rng, depth):
    if f.type in INTS:
        low, high = INTS[f.type]
        return rng.choice([0, 1, low, high, max(low, -1), rng.randint(low, high), rng.randint(max(low, -300), 300)])
    if f.type in (F.TYPE_FLOAT, F.TYPE_DOUBLE):
        return some_float(rng, f.type == F.TYPE_FLOAT)
    if f.type == F.TYPE_BOOL:
        return rng.random() < 0.5
    if f.type == F.TYPE_ENUM:
        return rng.choice([v.number for v in f.enum_type.values] + [77])
    if f.type == F.TYPE_STRING:
        return some_string(rng)
    if f.type == F.TYPE_BYTES:
        return bytes(rng.randrange(256) for _ in range(rng.choice([0, 1, 2, 3, 4, 40])))
    return some_message(s, f.message_type, rng, depth + 1)


def is_map(f):
    return f.type == F.TYPE_MESSAGE and f.message_type.GetOptions().map_entry


def some_message(s, d, rng, depth=0):
    m = s.message(d.full_name)
    density = 0 if depth > 3 else rng.choice([0.1, 0.5, 0.9])
    for f in d.fields:
        if rng.random() > density:
            continue
        target = getattr(m, f.name)
        if is_map(f):
            # One entry: with more, Python and C may each have an order of their own. Nothing empty, which C leaves out.
            key, value = (f.message_type.fields_by_name[n] for n in ("key", "value"))
            k = some_value(s, key, rng, depth) or True
            if key.type == F.TYPE_STRING and k is True:
                k = "key"
            if value.type == F.TYPE_MESSAGE:
                target[k].CopyFrom(some_value(s, value, rng, depth))
            elif v := some_value(s, value, rng, depth):
                target[k] = v
        elif f.label == F.LABEL_REPEATED:
            target.extend(some_value(s, f, rng, depth) for _ in range(rng.choice([1, 2, 5])))
        elif f.type == F.TYPE_MESSAGE:
            target.CopyFrom(some_value(s, f, rng, depth))
            target.SetInParent()
        else:
            setattr(m, f.name, some_value(s, f, rng, depth))
    return m


def respell_value(f, v, rng):
    """The JSON value of a field, in other words."""
    if v is None or isinstance(v, bool):
        return v
    if f.type in INTS:
        n = int(v)
        return rng.choice([n if abs(n) < 2**63 else str(n), str(n), float(n) if abs(n) < 2**53 else str(n)])
    if f.type in (F.TYPE_FLOAT, F.TYPE_DOUBLE):
        return v if isinstance(v, str) else rng.choice([v, repr(v), int(v) if v == int(v) and abs(v) < 2**53 else v])
    if f.type == F.TYPE_ENUM and isinstance(v, str):
        return rng.choice([v, f.enum_type.values_by_name[v].number])
    if f.type == F.TYPE_BYTES:
        raw = base64.b64decode(v)
        urlsafe = base64.urlsafe_b64encode(raw).decode()
        return rng.choice([v, urlsafe, urlsafe.rstrip("=")])
    if f.type == F.TYPE_MESSAGE:
        return respell(f.message_type, v, rng)
    return v


def respell(d, j, rng):
    out = {}
    for f in d.fields:
        if f.name not in j:
            if rng.random() < 0.2:
                out[f.name] = None
            continue
        name, v = rng.choice([f.name, f.json_name]), j[f.name]
        if is_map(f):
            out[name] = {k: respell_value(f.message_type.fields_by_name["value"], x, rng) for k, x in v.items()}
        elif f.label == F.LABEL_REPEATED:
            out[name] = [respell_value(f, x, rng) for x in v]
        else:
            out[name] = respell_value(f, v, rng)
    return out


def uses_any(d, seen=()):
    return d.full_name == "google.protobuf.Any" or any(
        f.type == F.TYPE_MESSAGE and f.message_type not in seen and uses_any(f.message_type, (*seen, d))
        for f in d.fields)


def vector(m, rng):
    v = {"type": m.DESCRIPTOR.full_name, "hex": m.SerializeToString(deterministic=True).hex()}
    if uses_any(m.DESCRIPTOR):
        return v
    v["json"] = json_format.MessageToDict(m, preserving_proto_field_name=True)
    v["camel"] = json_format.MessageToDict(m)
    v["all"] = json_format.MessageToDict(m, preserving_proto_field_name=True, including_default_value_fields=True)
    v["same"] = []
    for _ in range(VARIANTS_MAX):
        other = respell(m.DESCRIPTOR, v["json"], rng)
        again = json_format.ParseDict(other, type(m)())
        assert again.SerializeToString(deterministic=True).hex() == v["hex"], (v, other)
        v["same"].append(other)
    return v


def vectors(s):
    rng = random.Random(2026)
    for d in sorted(s.types(), key=lambda d: d.full_name):
        yield vector(s.message(d.full_name), rng)
        seen = set()
        for _ in range(40):
            m = some_message(s, d, rng)
            data = m.SerializeToString(deterministic=True)
            if data not in seen:
                seen.add(data)
                yield vector(m, rng)


def golden(s, path):
    with open(path, encoding="utf-8") as f:
        for line in f:
            row = json.loads(line)
            m = json_format.ParseDict(row["json"], s.message(row["type"]))
            row["hex"] = m.SerializeToString(deterministic=True).hex()
            # protobuf-c leaves out a map entry's key or value that is zero or empty. It may; Python does not.
            if "short" in row:
                m = type(m).FromString(bytes.fromhex(row["short"]))
                if m.SerializeToString(deterministic=True).hex() != row["hex"]:
                    row["short"] = "is another message"
            yield row


def seeds(s, directory):
    for i, v in enumerate(vectors(s)):
        head = f"{v['type']}\n".encode()
        bodies = {"unpack": bytes.fromhex(v["hex"]), "json": json.dumps(v.get("json", {})).encode()}
        for what, body in bodies.items():
            os.makedirs(os.path.join(directory, what), exist_ok=True)
            if i % 8 == 1 and len(body) < 1000:
                with open(os.path.join(directory, what, f"seed-{i}"), "wb") as f:
                    f.write(head + body)
    return ()


def main():
    what, s = sys.argv[1], Set(sys.argv[2])
    calls = {"describe": describe, "bytes": golden, "vectors": vectors, "seeds": seeds}
    for row in calls[what](s, *sys.argv[3:]):
        print(row if isinstance(row, str) else json.dumps(row, ensure_ascii=False, allow_nan=False))


if __name__ == "__main__":
    main()
