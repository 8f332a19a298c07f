/* SPDX-License-Identifier: Apache-2.0 */
/* The yardstick of the admin: RegisterService, QueryList and Watch as one writes them in C++ with gRPC's own means, in
 * one thread with one completion queue, which is its fastest shape on one core. It follows the agents that register, as
 * the admin does; it judges nobody, logs nothing and keeps nothing over a restart. */

#include <cstdio>
#include <deque>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <sys/resource.h>

#include <grpcpp/grpcpp.h>

#include "admin.grpc.pb.h"
#include "systemd.grpc.pb.h"

namespace {

using admin::QueryListItem;
using admin::WatchItem;
using Key = std::pair<std::string, std::string>; /* agent, unit */

class Tag {
      public:
        virtual ~Tag() = default;
        virtual void proceed(bool ok) = 0;
};

class Watcher;

struct Plain {
        admin::AdminService::AsyncService service;
        std::unique_ptr<grpc::ServerCompletionQueue> queue;
        std::shared_ptr<grpc::ChannelCredentials> credentials;
        std::map<Key, QueryListItem> entries;
        std::set<Watcher *> watchers;

        void fill(admin::QueryListResponse *response) const {
                for (const auto &e : entries)
                        *response->add_list() = e.second;
        }
        void publish(const WatchItem &item);
        void update(const std::string &agent, const systemd::UnitStatus &status);
        void add(const admin::RegistryRequest &request);
};

/* The words of the contract for what the load registers. */
const char *status_word(const systemd::UnitStatus &s) {
        if (s.freezerstate() == "frozen")
                return "Paused";
        return s.activestate() == "active" && s.substate() == "running" ? "Running" : "PoweredOff";
}

class Watcher : public Tag {
      public:
        explicit Watcher(Plain &p) : plain(p), writer(&context) {
                p.service.RequestWatch(&context, &request, &writer, p.queue.get(), p.queue.get(), this);
        }

        ~Watcher() override {
                plain.watchers.erase(this);
        }

        void proceed(bool ok) override {
                if (!ok) {
                        delete this;
                        return;
                }
                writing = false;
                if (!begun) {
                        WatchItem item;

                        new Watcher(plain);
                        begun = true;
                        plain.watchers.insert(this);
                        plain.fill(item.mutable_initial());
                        push(item);
                } else if (!waiting.empty()) {
                        WatchItem item = std::move(waiting.front());

                        waiting.pop_front();
                        push(item);
                }
        }

        void push(const WatchItem &item) {
                if (writing) {
                        waiting.push_back(item);
                        return;
                }
                writing = true;
                writer.Write(item, this);
        }

      private:
        Plain &plain;
        grpc::ServerContext context;
        admin::Empty request;
        grpc::ServerAsyncWriter<WatchItem> writer;
        std::deque<WatchItem> waiting;
        bool begun = false, writing = false;
};

void Plain::publish(const WatchItem &item) {
        for (Watcher *w : watchers)
                w->push(item);
}

void Plain::update(const std::string &agent, const systemd::UnitStatus &status) {
        auto found = entries.find({ agent, status.name() });
        WatchItem item;

        if (found == entries.end() || found->second.vmstatus() == status_word(status))
                return;
        found->second.set_vmstatus(status_word(status));
        *item.mutable_updated() = found->second;
        publish(item);
}

/* An agent that is followed. */
class Follower : public Tag {
      public:
        Follower(Plain &p, const std::string &agent, const admin::TransportConfig &t) : plain(p), name(agent) {
                grpc::ChannelArguments args;

                args.SetSslTargetNameOverride(t.name());
                args.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
                stub = systemd::UnitControlService::NewStub(
                                grpc::CreateCustomChannel(t.address() + ":" + t.port(), p.credentials, args));
                reader = stub->AsyncWatchUnits(&context, {}, p.queue.get(), this);
        }

        void proceed(bool ok) override {
                if (!ok) {
                        delete this;
                        return;
                }
                for (const auto &u : event.initial().units())
                        plain.update(name, u);
                if (event.has_changed())
                        plain.update(name, event.changed());
                reader->Read(&event, this);
        }

      private:
        Plain &plain;
        std::string name;
        grpc::ClientContext context;
        systemd::UnitEvent event;
        std::unique_ptr<systemd::UnitControlService::Stub> stub;
        std::unique_ptr<grpc::ClientAsyncReader<systemd::UnitEvent>> reader;
};

void Plain::add(const admin::RegistryRequest &request) {
        std::string vm = request.transport().name(), agent = "givc-" + vm + ".service";
        WatchItem item;
        QueryListItem *entry = item.mutable_added();

        entry->set_name(request.name());
        entry->set_description(request.state().description());
        entry->set_vmstatus(status_word(request.state()));
        entry->set_trustlevel("Warning");
        entry->set_vmtype("SysVM");
        entry->set_servicetype(request.name() == agent ? "Mgr" : "Svc");
        entry->set_vmname("");
        entry->set_agentname(request.name());
        entry->set_vm(vm);
        entry->set_since(1700000000000000);
        entries[{ agent, request.name() }] = *entry;
        publish(item);
        if (request.name() == agent)
                new Follower(*this, agent, request.transport());
}

class Register : public Tag {
      public:
        explicit Register(Plain &p) : plain(p), writer(&context) {
                p.service.RequestRegisterService(&context, &request, &writer, p.queue.get(), p.queue.get(), this);
        }

        void proceed(bool ok) override {
                if (finishing || !ok) {
                        delete this;
                        return;
                }
                new Register(plain);
                finishing = true;
                plain.add(request);
                writer.Finish({}, grpc::Status::OK, this);
        }

      private:
        Plain &plain;
        grpc::ServerContext context;
        admin::RegistryRequest request;
        grpc::ServerAsyncResponseWriter<admin::RegistryResponse> writer;
        bool finishing = false;
};

class Query : public Tag {
      public:
        explicit Query(Plain &p) : plain(p), writer(&context) {
                p.service.RequestQueryList(&context, &request, &writer, p.queue.get(), p.queue.get(), this);
        }

        void proceed(bool ok) override {
                admin::QueryListResponse response;

                if (finishing || !ok) {
                        delete this;
                        return;
                }
                new Query(plain);
                finishing = true;
                plain.fill(&response);
                writer.Finish(response, grpc::Status::OK, this);
        }

      private:
        Plain &plain;
        grpc::ServerContext context;
        admin::Empty request;
        grpc::ServerAsyncResponseWriter<admin::QueryListResponse> writer;
        bool finishing = false;
};

std::string slurp(const char *path) {
        std::ifstream f(path);
        std::stringstream s;

        s << f.rdbuf();
        return s.str();
}

} // namespace

int main(int argc, char **argv) {
        grpc::SslServerCredentialsOptions tls(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
        grpc::ServerBuilder builder;
        struct rlimit limit;
        Plain plain;
        int port = 0;

        if (argc != 5) {
                std::fprintf(stderr, "usage: plain-admin ADDRESS CA CERTIFICATE KEY\n");
                return 2;
        }

        getrlimit(RLIMIT_NOFILE, &limit);
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
        tls.pem_root_certs = slurp(argv[2]);
        tls.pem_key_cert_pairs.push_back({ slurp(argv[4]), slurp(argv[3]) });
        plain.credentials = grpc::SslCredentials({ tls.pem_root_certs, slurp(argv[4]), slurp(argv[3]) });
        builder.AddListeningPort(argv[1], grpc::SslServerCredentials(tls), &port);
        builder.RegisterService(&plain.service);
        plain.queue = builder.AddCompletionQueue();
        std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
        if (!server || port == 0)
                return 1;

        new Register(plain);
        new Query(plain);
        new Watcher(plain);
        std::puts("ready");
        std::fflush(stdout);

        void *tag;
        bool ok;
        while (plain.queue->Next(&tag, &ok))
                static_cast<Tag *>(tag)->proceed(ok);
        return 0;
}
