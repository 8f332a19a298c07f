/* SPDX-License-Identifier: Apache-2.0 */
/* The load generator of the benchmark: an asynchronous C++ gRPC client, the same for every server. Each mode prints one
 * JSON line. */

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <unistd.h>
#include <vector>

#include <grpcpp/grpcpp.h>

#include "echo.grpc.pb.h"

namespace {

using Clock = std::chrono::steady_clock;
using test::EchoReply;
using test::EchoRequest;

struct Options {
        std::string target, name = "localhost", ca, cert, key;
        double seconds = 2;
        unsigned parallel = 1, size = 100, calls = 0;
};

std::string slurp(const std::string &path) {
        std::ifstream f(path);
        std::stringstream s;

        s << f.rdbuf();
        return s.str();
}

double since(Clock::time_point t) {
        return std::chrono::duration<double>(Clock::now() - t).count();
}

[[noreturn]] void fail(const std::string &what) {
        std::fprintf(stderr, "load: %s\n", what.c_str());
        std::_Exit(1);
}

class Connector {
      public:
        explicit Connector(const Options &o) : options(o) {
                credentials = grpc::SslCredentials({ slurp(o.ca), slurp(o.key), slurp(o.cert) });
        }

        /* A connection of its own for each channel. */
        std::shared_ptr<grpc::Channel> connect() const {
                grpc::ChannelArguments args;

                args.SetSslTargetNameOverride(options.name);
                args.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
                args.SetMaxReceiveMessageSize(-1);
                return grpc::CreateCustomChannel(options.target, credentials, args);
        }

      private:
        const Options &options;
        std::shared_ptr<grpc::ChannelCredentials> credentials;
};

struct UnaryCall {
        grpc::ClientContext context;
        grpc::Status status;
        EchoReply reply;
        Clock::time_point begin = Clock::now();
        std::shared_ptr<grpc::Channel> channel;
        std::unique_ptr<test::Echo::Stub> stub;
        std::unique_ptr<grpc::ClientAsyncResponseReader<EchoReply>> reader;

        UnaryCall(const std::shared_ptr<grpc::Channel> &c, const EchoRequest &request, grpc::CompletionQueue &q)
            : channel(c), stub(test::Echo::NewStub(c)) {
                context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
                reader = stub->AsyncUnary(&context, request, &q);
                reader->Finish(&reply, &status, this);
        }
};

EchoRequest request_of(const Options &o) {
        EchoRequest request;

        request.set_payload(std::string(o.size, 'x'));
        return request;
}

std::unique_ptr<UnaryCall> next(grpc::CompletionQueue &q) {
        void *tag;
        bool ok;

        if (!q.Next(&tag, &ok))
                fail("the queue ended");
        std::unique_ptr<UnaryCall> call(static_cast<UnaryCall *>(tag));
        if (!call->status.ok())
                fail(call->status.error_message());
        return call;
}

/* Unary calls, options.parallel in flight on one connection: for a time, or a number of them. */
void mode_unary(const Options &o) {
        Connector connector(o);
        auto channel = connector.connect();
        EchoRequest request = request_of(o);
        grpc::CompletionQueue q;
        std::vector<double> usec;
        unsigned n_started = 0;
        const unsigned n_warm = o.calls > 0 ? 1 : 1000;

        for (unsigned i = 0; i < n_warm; i++) {
                new UnaryCall(channel, request, q);
                next(q);
        }

        auto begin = Clock::now();
        for (; n_started < o.parallel; n_started++)
                new UnaryCall(channel, request, q);
        for (unsigned n_open = o.parallel; n_open > 0;) {
                auto call = next(q);

                usec.push_back(since(call->begin) * 1e6);
                if (o.calls > 0 ? n_started < o.calls : since(begin) < o.seconds) {
                        new UnaryCall(channel, request, q);
                        n_started++;
                } else
                        n_open--;
        }

        double seconds = since(begin);
        std::sort(usec.begin(), usec.end());
        std::printf("{\"calls\": %zu, \"rate\": %.1f, \"p50\": %.2f, \"p99\": %.2f}\n", usec.size(),
                        usec.size() / seconds, usec[usec.size() / 2], usec[usec.size() * 99 / 100]);
}

/* One server stream of messages as large as asked; bytes of payload a second. */
void mode_down(const Options &o) {
        Connector connector(o);
        auto stub = test::Echo::NewStub(connector.connect());
        grpc::ClientContext context;
        EchoRequest request = request_of(o);
        EchoReply reply;
        uint64_t n = 0;

        request.set_count(UINT32_MAX);
        auto reader = stub->ServerStream(&context, request);
        for (unsigned i = 0; i < 100; i++)
                if (!reader->Read(&reply))
                        fail("the stream ended");
        auto begin = Clock::now();
        while (since(begin) < o.seconds) {
                if (!reader->Read(&reply))
                        fail("the stream ended");
                n += reply.payload().size();
        }

        std::printf("{\"rate\": %.2f, \"mb\": %.2f}\n", n / since(begin) / 1e6, (n + 100.0 * o.size) / 1e6);
        context.TryCancel();
        reader->Finish();
}

struct EchoStream {
        grpc::ClientContext context;
        EchoReply reply;
        std::unique_ptr<grpc::ClientAsyncReaderWriter<EchoRequest, EchoReply>> stream;
        enum { START, WRITE, READ } state = START;
};

/* options.parallel bidirectional streams, one message in flight on each; bytes echoed a second. */
void mode_echo(const Options &o) {
        Connector connector(o);
        auto stub = test::Echo::NewStub(connector.connect());
        EchoRequest request = request_of(o);
        std::vector<std::unique_ptr<EchoStream>> streams;
        grpc::CompletionQueue q;
        uint64_t n = 0;
        void *tag;
        bool ok;

        for (unsigned i = 0; i < o.parallel; i++) {
                streams.push_back(std::make_unique<EchoStream>());
                streams[i]->stream = stub->AsyncBidi(&streams[i]->context, &q, streams[i].get());
        }

        auto begin = Clock::now();
        while (since(begin) < o.seconds && q.Next(&tag, &ok)) {
                auto s = static_cast<EchoStream *>(tag);

                if (!ok)
                        fail("a stream ended");
                if (s->state == EchoStream::READ)
                        n += s->reply.payload().size();
                if (s->state == EchoStream::WRITE) {
                        s->state = EchoStream::READ;
                        s->stream->Read(&s->reply, s);
                } else {
                        s->state = EchoStream::WRITE;
                        s->stream->Write(request, s);
                }
        }

        std::printf("{\"rate\": %.2f, \"mb\": %.2f}\n", n / since(begin) / 1e6, n / 1e6);
        std::fflush(stdout);
        std::_Exit(0);
}

/* New connections a second, with a call on each; options.parallel at a time. */
void mode_connect(const Options &o) {
        Connector connector(o);
        EchoRequest request = request_of(o);
        grpc::CompletionQueue q;
        unsigned n = 0, n_open = 0;

        auto begin = Clock::now();
        for (; n_open < o.parallel; n_open++)
                new UnaryCall(connector.connect(), request, q);
        while (n_open > 0) {
                next(q);
                n++;
                if (o.calls > 0 ? n + n_open <= o.calls : since(begin) < o.seconds)
                        new UnaryCall(connector.connect(), request, q);
                else
                        n_open--;
        }

        std::printf("{\"calls\": %u, \"rate\": %.2f}\n", n, n / since(begin));
}

/* Holds options.parallel connections that made a call each, until standard input ends. */
void mode_hold(const Options &o) {
        Connector connector(o);
        std::vector<std::shared_ptr<grpc::Channel>> channels;
        EchoRequest request = request_of(o);
        grpc::CompletionQueue q;
        char c;

        for (unsigned i = 0; i < o.parallel; i++) {
                channels.push_back(connector.connect());
                new UnaryCall(channels.back(), request, q);
                next(q);
        }

        std::printf("{\"connections\": %zu}\n", channels.size());
        std::fflush(stdout);
        while (read(STDIN_FILENO, &c, 1) > 0)
                ;
        std::_Exit(0);
}

const struct {
        const char *name;
        void (*func)(const Options &o);
} modes[] = {
        { "unary", mode_unary },
        { "down", mode_down },
        { "echo", mode_echo },
        { "connect", mode_connect },
        { "hold", mode_hold },
};

} // namespace

int main(int argc, char **argv) {
        Options o;

        if (argc < 6) {
                std::fprintf(stderr, "usage: load MODE TARGET CA CERTIFICATE KEY [--OPTION=VALUE...]\n");
                return 2;
        }

        o.target = argv[2];
        o.ca = argv[3];
        o.cert = argv[4];
        o.key = argv[5];
        for (int i = 6; i < argc; i++) {
                std::string s(argv[i]);
                size_t eq = s.find('=');
                std::string k = s.substr(0, eq), v = eq == std::string::npos ? "" : s.substr(eq + 1);

                if (k == "--seconds")
                        o.seconds = std::stod(v);
                else if (k == "--parallel")
                        o.parallel = std::stoul(v);
                else if (k == "--size")
                        o.size = std::stoul(v);
                else if (k == "--calls")
                        o.calls = std::stoul(v);
                else if (k == "--name")
                        o.name = v;
                else
                        fail("no option '" + k + "'");
        }

        for (const auto &m : modes)
                if (std::strcmp(argv[1], m.name) == 0) {
                        m.func(o);
                        return 0;
                }
        fail(std::string("no mode '") + argv[1] + "'");
}
