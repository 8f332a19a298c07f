# SPDX-License-Identifier: Apache-2.0
"""test.Echo as a grpcio server, for the runtime's client: python_server.py PORT CA CERT KEY. Beside it serves
test.Broken/Unary, whose reply is not a message."""

import concurrent.futures
import pathlib
import sys
import time

import grpc

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import outside  # noqa: E402

pb, pb_grpc = outside.stubs()
CODES = {c.value[0]: c for c in grpc.StatusCode}


def reply(context, r, index):
    header = dict(context.invocation_metadata()).get(r.header, "") if r.header else ""
    return pb.EchoReply(text=r.text, payload=r.payload, index=index, header=header)


def end(context, r):
    if r.fail_code:
        context.abort(CODES[r.fail_code], r.fail_text)


class Echo(pb_grpc.EchoServicer):
    def Unary(self, request, context):
        time.sleep(request.delay_ms / 1000)
        end(context, request)
        return reply(context, request, 0)

    def ServerStream(self, request, context):
        for i in range(request.count):
            time.sleep(request.delay_ms / 1000)
            yield reply(context, request, i)
        end(context, request)

    def ClientStream(self, requests, context):
        out = pb.EchoReply()
        for r in requests:
            out.index += 1
            out.size += len(r.payload)
            out.text = r.text
            end(context, r)
        return out

    def Bidi(self, requests, context):
        n = 0
        for r in requests:
            time.sleep(r.delay_ms / 1000)
            for _ in range(max(r.count, 1)):
                yield reply(context, r, n)
                n += 1
            end(context, r)


def main(port, *files):
    ca, cert, key = (pathlib.Path(f).read_bytes() for f in files)
    options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1), ("grpc.so_reuseport", 0)]
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(40), options=options)
    pb_grpc.add_EchoServicer_to_server(Echo(), server)
    broken = grpc.unary_unary_rpc_method_handler(lambda request, context: b"\x0a\x02\xff\xfe")
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("test.Broken", {"Unary": broken})])
    server.add_secure_port(f"127.0.0.1:{port}", grpc.ssl_server_credentials([(key, cert)], ca, True))
    server.start()
    print("ready", flush=True)
    server.wait_for_termination()


main(*sys.argv[1:])
