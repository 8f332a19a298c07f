# SPDX-License-Identifier: Apache-2.0
"""The honest client beside an attack, in a process of its own: a call every 50 ms with a deadline of a second. For each
line on standard input it prints what happened since the last one, as JSON."""

import json
import pathlib
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "interop"))
import grpc  # noqa: E402
import outside  # noqa: E402


def main(port, ca, cert, key):
    pb, pb_grpc = outside.stubs()
    files = [pathlib.Path(p).read_bytes() for p in (ca, key, cert)]
    options = [("grpc.ssl_target_name_override", outside.SERVER_NAME)]
    channel = grpc.secure_channel(f"127.0.0.1:{port}", grpc.ssl_channel_credentials(*files), options)
    stub = pb_grpc.EchoStub(channel)
    stub.Unary(pb.EchoRequest(text="begin"), timeout=10, wait_for_ready=True)
    lock, times, failures = threading.Lock(), [], []

    def work():
        n = 0
        while True:
            n += 1
            begin = time.monotonic()
            try:
                ok = stub.Unary(pb.EchoRequest(text=str(n)), timeout=1).text == str(n)
                failure = None if ok else "wrong reply"
            except grpc.RpcError as e:
                failure = f"{e.code()}: {e.details()}"
            with lock:
                times.append(time.monotonic() - begin)
                if failure:
                    failures.append(failure)
            time.sleep(0.05)

    threading.Thread(target=work, daemon=True).start()
    print("ready", flush=True)
    for _ in sys.stdin:
        with lock:
            out = {"calls": len(times), "failures": failures[:3], "worst_ms": max(times, default=0) * 1e3}
            times.clear()
            failures.clear()
        print(json.dumps(out), flush=True)


main(*sys.argv[1:])
