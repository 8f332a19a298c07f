/* SPDX-License-Identifier: Apache-2.0 */
/* The yardstick: test.Echo as a plain C++ gRPC server serves it, with gRPC's own TLS and port. One thread and one
 * completion queue, which is its fastest shape on one core. */

#include <cstdio>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>

#include <grpcpp/grpcpp.h>

#include "echo.grpc.pb.h"

namespace {

using Service = test::Echo::AsyncService;
using test::EchoReply;
using test::EchoRequest;

class Call {
      public:
        virtual ~Call() = default;
        virtual void proceed(bool ok) = 0;
};

struct Server {
        Service service;
        std::unique_ptr<grpc::ServerCompletionQueue> queue;
};

void fill(EchoReply &reply, const EchoRequest &request, unsigned index) {
        reply.set_text(request.text());
        reply.set_payload(request.payload());
        reply.set_index(index);
}

class Unary : public Call {
      public:
        explicit Unary(Server &s) : server(s), writer(&context) {
                s.service.RequestUnary(&context, &request, &writer, s.queue.get(), s.queue.get(), this);
        }

        void proceed(bool ok) override {
                if (finishing || !ok) {
                        delete this;
                        return;
                }

                new Unary(server);
                finishing = true;
                fill(reply, request, 0);
                writer.Finish(reply, grpc::Status::OK, this);
        }

      private:
        Server &server;
        grpc::ServerContext context;
        EchoRequest request;
        EchoReply reply;
        grpc::ServerAsyncResponseWriter<EchoReply> writer;
        bool finishing = false;
};

class ServerStream : public Call {
      public:
        explicit ServerStream(Server &s) : server(s), writer(&context) {
                s.service.RequestServerStream(&context, &request, &writer, s.queue.get(), s.queue.get(), this);
        }

        void proceed(bool ok) override {
                if (finishing || (!begun && !ok)) {
                        delete this;
                        return;
                }

                if (!begun)
                        new ServerStream(server);
                begun = true;
                if (!ok || index == request.count()) {
                        finishing = true;
                        writer.Finish(grpc::Status::OK, this);
                        return;
                }

                fill(reply, request, index++);
                writer.Write(reply, this);
        }

      private:
        Server &server;
        grpc::ServerContext context;
        EchoRequest request;
        EchoReply reply;
        grpc::ServerAsyncWriter<EchoReply> writer;
        unsigned index = 0;
        bool begun = false, finishing = false;
};

class ClientStream : public Call {
      public:
        explicit ClientStream(Server &s) : server(s), reader(&context) {
                s.service.RequestClientStream(&context, &reader, s.queue.get(), s.queue.get(), this);
        }

        void proceed(bool ok) override {
                if (finishing || (!begun && !ok)) {
                        delete this;
                        return;
                }

                if (!begun) {
                        new ClientStream(server);
                        begun = true;
                } else if (ok) {
                        reply.set_text(request.text());
                        reply.set_index(reply.index() + 1);
                        reply.set_size(reply.size() + request.payload().size());
                } else {
                        finishing = true;
                        reader.Finish(reply, grpc::Status::OK, this);
                        return;
                }
                reader.Read(&request, this);
        }

      private:
        Server &server;
        grpc::ServerContext context;
        EchoRequest request;
        EchoReply reply;
        grpc::ServerAsyncReader<EchoReply, EchoRequest> reader;
        bool begun = false, finishing = false;
};

class Bidi : public Call {
      public:
        explicit Bidi(Server &s) : server(s), stream(&context) {
                s.service.RequestBidi(&context, &stream, s.queue.get(), s.queue.get(), this);
        }

        void proceed(bool ok) override {
                switch (state) {
                case BEGIN:
                        if (!ok) {
                                delete this;
                                return;
                        }
                        new Bidi(server);
                        read();
                        return;
                case READ:
                        if (!ok) {
                                finish();
                                return;
                        }
                        state = WRITE;
                        fill(reply, request, index++);
                        stream.Write(reply, this);
                        return;
                case WRITE:
                        if (ok)
                                read();
                        else
                                finish();
                        return;
                case FINISH:
                        delete this;
                        return;
                }
        }

      private:
        void read() {
                state = READ;
                stream.Read(&request, this);
        }

        void finish() {
                state = FINISH;
                stream.Finish(grpc::Status::OK, this);
        }

        Server &server;
        grpc::ServerContext context;
        EchoRequest request;
        EchoReply reply;
        grpc::ServerAsyncReaderWriter<EchoReply, EchoRequest> stream;
        unsigned index = 0;
        enum { BEGIN, READ, WRITE, FINISH } state = BEGIN;
};

std::string slurp(const char *path) {
        std::ifstream f(path);
        std::stringstream s;

        s << f.rdbuf();
        return s.str();
}

} // namespace

int main(int argc, char **argv) {
        Server server;
        int port = 0;

        if (argc != 5) {
                std::fprintf(stderr, "usage: yardstick ADDRESS CA CERTIFICATE KEY\n");
                return 2;
        }

        grpc::SslServerCredentialsOptions tls(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
        tls.pem_root_certs = slurp(argv[2]);
        tls.pem_key_cert_pairs.push_back({ slurp(argv[4]), slurp(argv[3]) });

        grpc::ServerBuilder builder;
        builder.AddListeningPort(argv[1], grpc::SslServerCredentials(tls), &port);
        builder.RegisterService(&server.service);
        server.queue = builder.AddCompletionQueue();
        std::unique_ptr<grpc::Server> s = builder.BuildAndStart();
        if (!s || port == 0)
                return 1;

        new Unary(server);
        new ServerStream(server);
        new ClientStream(server);
        new Bidi(server);
        std::puts("ready");
        std::fflush(stdout);

        void *tag;
        bool ok;
        while (server.queue->Next(&tag, &ok))
                static_cast<Call *>(tag)->proceed(ok);
        return 0;
}
