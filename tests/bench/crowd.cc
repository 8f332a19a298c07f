/* SPDX-License-Identifier: Apache-2.0 */
/* A crowd for an admin, the same for every one: agents that register and are followed, watchers, and somebody who asks
 * for the list. Commands come on standard input, each is answered with a line of JSON. */

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <sys/resource.h>
#include <vector>

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include "admin.grpc.pb.h"
#include "systemd.grpc.pb.h"

namespace {

using Clock = std::chrono::steady_clock;
using Agents = systemd::UnitControlService::WithAsyncMethod_WatchUnits<systemd::UnitControlService::Service>;

/* Of one source an admin admits 128 handshakes at once; agents of a real crowd have an address each. */
constexpr unsigned CONNECTING_MAX = 100;
constexpr unsigned SYSVM_MANAGER = 8, SYSVM_SERVICE = 9;

double since(Clock::time_point t) {
        return std::chrono::duration<double>(Clock::now() - t).count();
}

[[noreturn]] void fail(const std::string &what) {
        std::fprintf(stderr, "crowd: %s\n", what.c_str());
        std::_Exit(1);
}

std::string slurp(const std::string &path) {
        std::ifstream f(path);
        std::stringstream s;

        s << f.rdbuf();
        return s.str();
}

class Tag {
      public:
        virtual ~Tag() = default;
        virtual void proceed(bool ok) = 0;
};

class FollowedAgent;

struct Crowd {
        std::string target, folder;
        unsigned n_agents, n_units;
        std::vector<int> ports;
        Agents service;
        std::unique_ptr<grpc::ServerCompletionQueue> queue;
        std::unique_ptr<grpc::Server> server;
        std::vector<std::unique_ptr<Tag>> members;
        std::map<std::string, FollowedAgent *> followed; /* by VM */
        unsigned n_connecting = 0, n_registered = 0, n_initial = 0;
        uint64_t n_events = 0, n_bytes = 0;

        void run_until(const std::function<bool()> &done) const {
                auto begin = Clock::now();
                void *tag;
                bool ok;

                while (!done()) {
                        auto soon = std::chrono::system_clock::now() + std::chrono::seconds(30);

                        if (queue->AsyncNext(&tag, &ok, soon) != grpc::CompletionQueue::GOT_EVENT || since(begin) > 120)
                                fail("the admin has stopped answering");
                        static_cast<Tag *>(tag)->proceed(ok);
                }
        }

        std::string vm(unsigned i) const {
                return "vm-" + std::to_string(i % n_agents);
        }

        /* A connection of its own for each channel. */
        std::shared_ptr<grpc::Channel> connect(const std::string &who) const {
                std::string base = folder + "/" + who;
                grpc::ChannelArguments args;

                args.SetSslTargetNameOverride("server.test");
                args.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
                args.SetMaxReceiveMessageSize(-1);
                return grpc::CreateCustomChannel(target,
                                grpc::SslCredentials({ slurp(folder + "/ca.crt"), slurp(base + ".key"),
                                                slurp(base + ".crt") }),
                                args);
        }
};

void fill_state(systemd::UnitStatus *s, const std::string &name, bool runs) {
        s->set_name(name);
        s->set_description("The unit of that name, as its file describes it");
        s->set_loadstate("loaded");
        s->set_activestate(runs ? "active" : "inactive");
        s->set_substate(runs ? "running" : "dead");
        s->set_path("/org/freedesktop/systemd1/unit/" + name);
        s->set_freezerstate("running");
}

std::string unit_name(const std::string &vm, unsigned i) {
        return i == 0 ? "givc-" + vm + ".service" : "unit-" + std::to_string(i) + ".service";
}

/* The server's side of an agent: its WatchUnits stream. */
class FollowedAgent : public Tag {
      public:
        explicit FollowedAgent(Crowd &c) : crowd(c), writer(&context) {
                c.service.RequestWatchUnits(&context, &request, &writer, c.queue.get(), c.queue.get(), this);
        }

        void proceed(bool ok) override {
                if (!ok)
                        return;
                writing = false;
                if (vm.empty())
                        begin();
                else if (!waiting.empty()) {
                        systemd::UnitEvent event = waiting.front();

                        waiting.pop_front();
                        push(event);
                }
        }

        void change(unsigned unit, bool runs) {
                systemd::UnitEvent event;

                fill_state(event.mutable_changed(), unit_name(vm, unit), runs);
                push(event);
        }

      private:
        void begin() {
                auto authority = context.ExperimentalGetAuthority();
                systemd::UnitEvent event;

                crowd.members.emplace_back(new FollowedAgent(crowd));
                vm = std::string(authority.data(), authority.size());
                vm = vm.substr(0, vm.find(':'));
                crowd.followed[vm] = this;
                for (unsigned i = 0; i <= crowd.n_units; i++)
                        fill_state(event.mutable_initial()->add_units(), unit_name(vm, i), true);
                event.mutable_initial()->set_complete(true);
                push(event);
        }

        void push(const systemd::UnitEvent &event) {
                if (writing) {
                        waiting.push_back(event);
                        return;
                }
                writing = true;
                writer.Write(event, this);
        }

        Crowd &crowd;
        std::string vm;
        grpc::ServerContext context;
        systemd::WatchUnitsRequest request;
        grpc::ServerAsyncWriter<systemd::UnitEvent> writer;
        std::deque<systemd::UnitEvent> waiting;
        bool writing = false;
};

/* An agent as the admin's client: itself first, then its units, one after the other. */
class Agent : public Tag {
      public:
        Agent(Crowd &c, unsigned i) : crowd(c), vm(c.vm(i)), port(c.ports[i]), channel(c.connect(vm)) {
                stub = admin::AdminService::NewStub(channel);
                next();
        }

        void proceed(bool ok) override {
                if (!ok || !status.ok())
                        fail("registration failed: " + status.error_message());
                crowd.n_connecting -= n_done == 0;
                crowd.n_registered++;
                if (++n_done <= crowd.n_units)
                        next();
        }

      private:
        void next() {
                std::string agent = unit_name(vm, 0), name = unit_name(vm, n_done);
                admin::RegistryRequest r;

                r.set_name(name);
                r.set_parent(n_done == 0 ? "microvm@" + vm + ".service" : agent);
                r.set_type(n_done == 0 ? SYSVM_MANAGER : SYSVM_SERVICE);
                r.mutable_transport()->set_protocol("tcp");
                r.mutable_transport()->set_address("127.0.0.1");
                r.mutable_transport()->set_port(std::to_string(port));
                r.mutable_transport()->set_name(vm);
                fill_state(r.mutable_state(), name, true);
                context = std::make_unique<grpc::ClientContext>();
                context->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
                reader = stub->AsyncRegisterService(context.get(), r, crowd.queue.get());
                reader->Finish(&reply, &status, this);
        }

        Crowd &crowd;
        std::string vm;
        int port;
        unsigned n_done = 0;
        std::shared_ptr<grpc::Channel> channel;
        std::unique_ptr<admin::AdminService::Stub> stub;
        std::unique_ptr<grpc::ClientContext> context;
        std::unique_ptr<grpc::ClientAsyncResponseReader<admin::RegistryResponse>> reader;
        admin::RegistryResponse reply;
        grpc::Status status;
};

/* Counts what comes and does not look into it: the admin is to be measured. */
class Watcher : public Tag {
      public:
        Watcher(Crowd &c, const std::string &vm) : crowd(c), stub(c.connect(vm)) {
                stream = stub.PrepareCall(&context, "/admin.AdminService/Watch", c.queue.get());
                stream->StartCall(this);
        }

        void proceed(bool ok) override {
                grpc::Slice nothing;

                if (!ok)
                        fail("a watch has ended");
                switch (state) {
                case START:
                        state = ASK;
                        stream->WriteLast(grpc::ByteBuffer(&nothing, 1), {}, this);
                        return;
                case ASK:
                        state = INITIAL;
                        break;
                case INITIAL:
                        state = EVENT;
                        crowd.n_connecting--;
                        crowd.n_initial++;
                        crowd.n_bytes += message.Length();
                        break;
                case EVENT:
                        crowd.n_events++;
                        break;
                }
                stream->Read(&message, this);
        }

      private:
        Crowd &crowd;
        grpc::ClientContext context;
        grpc::GenericStub stub;
        std::unique_ptr<grpc::GenericClientAsyncReaderWriter> stream;
        grpc::ByteBuffer message;
        enum { START, ASK, INITIAL, EVENT } state = START;
};

class Asker : public Tag {
      public:
        explicit Asker(Crowd &c) : crowd(c), stub(c.connect("vm-0")) {
        }

        void ask() {
                grpc::Slice nothing;

                done = false;
                context = std::make_unique<grpc::ClientContext>();
                reader = stub.PrepareUnaryCall(context.get(), "/admin.AdminService/QueryList",
                                grpc::ByteBuffer(&nothing, 1), crowd.queue.get());
                reader->StartCall();
                reader->Finish(&reply, &status, this);
        }

        void proceed(bool) override {
                if (!status.ok())
                        fail("QueryList: " + status.error_message());
                done = true;
        }

        size_t size() const {
                return reply.Length();
        }
        bool done = false;

      private:
        Crowd &crowd;
        grpc::GenericStub stub;
        std::unique_ptr<grpc::ClientContext> context;
        std::unique_ptr<grpc::GenericClientAsyncResponseReader> reader;
        grpc::ByteBuffer reply;
        grpc::Status status;
};

double median(std::vector<double> &v) {
        std::sort(v.begin(), v.end());
        return v[v.size() / 2];
}

/* Until every unit is registered and every agent is followed. */
void storm(Crowd &c, unsigned) {
        auto begin = Clock::now();

        for (unsigned i = 0; i < c.n_agents; i++) {
                c.run_until([&] { return c.n_connecting < CONNECTING_MAX; });
                c.n_connecting++;
                c.members.emplace_back(new Agent(c, i));
        }
        c.run_until([&] { return c.n_registered == c.n_agents * (c.n_units + 1) && c.followed.size() == c.n_agents; });
        std::printf("{\"seconds\": %.6f}\n", since(begin));
}

/* n watchers, each with a connection of its own, until each has the list. */
void watch(Crowd &c, unsigned n) {
        auto begin = Clock::now();

        for (unsigned i = 0; i < n; i++) {
                c.run_until([&] { return c.n_connecting < CONNECTING_MAX; });
                c.n_connecting++;
                c.members.emplace_back(new Watcher(c, c.vm(i)));
        }
        c.run_until([&] { return c.n_initial == n; });
        std::printf("{\"seconds\": %.6f, \"bytes\": %lu}\n", since(begin), c.n_bytes / n);
}

/* A unit stops or starts, n times; each until every watcher knows it. */
void change(Crowd &c, unsigned n) {
        std::vector<double> seconds;
        static bool runs;

        for (unsigned i = 0; i < n; i++) {
                uint64_t expected = c.n_events + c.n_initial;
                auto begin = Clock::now();

                c.followed.at("vm-1")->change(1, runs);
                runs = !runs;
                c.run_until([&] { return c.n_events >= expected; });
                seconds.push_back(since(begin));
        }
        std::printf("{\"seconds\": %.6f}\n", median(seconds));
}

/* One unit of each of n agents changes, all at once. */
void burst(Crowd &c, unsigned n) {
        static bool runs;
        uint64_t expected = c.n_events + (uint64_t) n * c.n_initial;
        auto begin = Clock::now();

        for (unsigned i = 0; i < n; i++)
                c.followed.at(c.vm(i))->change(2, runs);
        runs = !runs;
        c.run_until([&] { return c.n_events >= expected; });
        std::printf("{\"seconds\": %.6f}\n", since(begin));
}

void list(Crowd &c, unsigned n) {
        std::vector<double> seconds;
        Asker asker(c);

        for (unsigned i = 0; i <= n; i++) {
                auto begin = Clock::now();

                asker.ask();
                c.run_until([&] { return asker.done; });
                if (i > 0) /* the first one connects */
                        seconds.push_back(since(begin));
        }
        std::printf("{\"seconds\": %.6f, \"bytes\": %zu}\n", median(seconds), asker.size());
}

const struct {
        const char *name;
        void (*func)(Crowd &c, unsigned n);
} commands[] = {
        { "storm", storm },
        { "watch", watch },
        { "change", change },
        { "burst", burst },
        { "list", list },
};

/* Each agent proves its name with a certificate of its own, at a port of its own. */
void serve(Crowd &c) {
        grpc::ServerBuilder builder;

        c.ports.resize(c.n_agents);
        for (unsigned i = 0; i < c.n_agents; i++) {
                grpc::SslServerCredentialsOptions tls(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
                std::string base = c.folder + "/" + c.vm(i);

                tls.pem_root_certs = slurp(c.folder + "/ca.crt");
                tls.pem_key_cert_pairs.push_back({ slurp(base + ".key"), slurp(base + ".crt") });
                builder.AddListeningPort("127.0.0.1:0", grpc::SslServerCredentials(tls), &c.ports[i]);
        }
        builder.RegisterService(&c.service);
        c.queue = builder.AddCompletionQueue();
        c.server = builder.BuildAndStart();
        if (!c.server)
                fail("cannot serve");
        c.members.emplace_back(new FollowedAgent(c));
}

} // namespace

int main(int argc, char **argv) {
        std::string word;
        struct rlimit limit;
        unsigned n;
        Crowd c;

        if (argc != 5)
                fail("usage: crowd TARGET FOLDER AGENTS UNITS");
        getrlimit(RLIMIT_NOFILE, &limit);
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
        c.target = argv[1];
        c.folder = argv[2];
        c.n_agents = std::stoul(argv[3]);
        c.n_units = std::stoul(argv[4]);
        serve(c);
        std::puts("ready");
        std::fflush(stdout);

        while (std::cin >> word >> n) {
                auto command = std::find_if(std::begin(commands), std::end(commands),
                                [&](const auto &x) { return word == x.name; });
                if (command == std::end(commands))
                        fail("no command '" + word + "'");
                command->func(c, n);
                std::fflush(stdout);
        }
        std::_Exit(0);
}
