// SPDX-License-Identifier: Apache-2.0
// @grpc/grpc-js as a client of the runtime's server: node client.js PORT CA CERT KEY runs every case and prints one JSON
// object, name to "" or to what went wrong.
'use strict';

const assert = require('assert');
const { grpc, packages, read } = require('./common');

const [port, ...files] = process.argv.slice(2);
const [ca, cert, key] = read(files);
const { status } = grpc;
const MESSAGE_MAX = 4 * 1024 * 1024;

const options = {
        'grpc.ssl_target_name_override': 'server.test',
        'grpc.default_authority': 'server.test',
        'grpc.max_receive_message_length': -1,
        'grpc.max_send_message_length': -1,
};
const target = `127.0.0.1:${port}`;
const credentials = grpc.credentials.createSsl(ca, key, cert);
const echo = new packages.test.Echo(target, credentials, options);

const deadline = (ms = 10000) => ({ deadline: Date.now() + ms });

function unary(request, callOptions = deadline(), metadata = new grpc.Metadata(), client = echo) {
        return new Promise((resolve, reject) =>
                client.Unary(request, metadata, callOptions, (e, reply) => (e ? reject(e) : resolve(reply))));
}

function collect(stream) {
        return new Promise((resolve, reject) => {
                const replies = [];
                stream.on('data', (r) => replies.push(r));
                stream.on('error', (e) => reject(Object.assign(e, { replies })));
                stream.on('end', () => resolve(replies));
        });
}

function clientStream(requests) {
        return new Promise((resolve, reject) => {
                const call = echo.ClientStream(new grpc.Metadata(), deadline(), (e, r) => (e ? reject(e) : resolve(r)));
                requests.forEach((r) => call.write(r));
                call.end();
        });
}

async function fails(promise, code) {
        const e = await promise.then(() => assert.fail('it succeeded'), (x) => x);
        assert.strictEqual(e.code, code, `${e.code}: ${e.details}`);
        return e;
}

// A request whose serialized form has n bytes: tag and length take five of them.
const ofSize = (n) => ({ payload: Buffer.alloc(n - 5, 'p') });

function reflect(version, request) {
        const Service = packages.grpc.reflection[version].ServerReflection;
        const call = new Service(target, credentials, options).ServerReflectionInfo(deadline());
        call.write(request);
        call.end();
        return collect(call);
}

const cases = {
        async unary() {
                const r = await unary({ text: 'grüß Gott, 世界 🌍', payload: Buffer.from([0, 1, 255]) });
                assert.strictEqual(r.text, 'grüß Gott, 世界 🌍');
                assert.deepStrictEqual([...r.payload], [0, 1, 255]);
        },
        async empty() {
                const r = await unary({});
                assert.strictEqual(r.text + r.payload.length + r.index, '00');
        },
        async serverStream() {
                const replies = await collect(echo.ServerStream({ count: 500, text: 'x' }, deadline()));
                assert.deepStrictEqual(replies.map((r) => r.index), [...Array(500).keys()]);
        },
        async clientStream() {
                const r = await clientStream([...Array(300).keys()].map((i) => ({ payload: Buffer.alloc(i) })));
                assert.deepStrictEqual([r.index, r.size], [300, (299 * 300) / 2]);
        },
        async bidiHalfClose() {
                const call = echo.Bidi(deadline());
                for (let i = 0; i < 20; i++)
                        call.write({ text: String(i), delay_ms: 5 });
                call.end();
                assert.deepStrictEqual((await collect(call)).map((r) => +r.text), [...Array(20).keys()]);
        },
        async largestMessage() {
                assert.strictEqual((await unary(ofSize(MESSAGE_MAX))).payload.length, MESSAGE_MAX - 5);
        },
        async oversizedMessage() {
                await fails(unary(ofSize(MESSAGE_MAX + 1)), status.RESOURCE_EXHAUSTED);
                await unary({});
        },
        async statusText() {
                const e = await fails(unary({ fail_code: 5, fail_text: 'schön 世界 100%' }), status.NOT_FOUND);
                assert.strictEqual(e.details, 'schön 世界 100%');
        },
        async errorDetails() {
                const e = await fails(unary({ fail_code: 7, fail_text: 'no', fail_detail: 'why' }), status.PERMISSION_DENIED);
                const bytes = e.metadata.get('grpc-status-details-bin')[0].toString('latin1');
                for (const s of ['google.rpc.ErrorInfo', 'PERMISSION_DENIED', 'google.rpc.DebugInfo', 'why'])
                        assert(bytes.includes(s), s);
        },
        async statusAfterReplies() {
                const e = await fails(collect(echo.ServerStream({ count: 3, fail_code: 10 }, deadline())), status.ABORTED);
                assert.strictEqual(e.replies.length, 3);
        },
        async deadline() {
                const begin = Date.now();
                await fails(unary({ delay_ms: 30000 }, deadline(300)), status.DEADLINE_EXCEEDED);
                assert(Date.now() - begin < 1300);
        },
        async cancel() {
                const call = echo.ServerStream({ count: 1000000, delay_ms: 1 });
                call.once('data', () => call.cancel());
                await fails(collect(call), status.CANCELLED);
        },
        async unknownMethod() {
                const client = new grpc.Client(target, credentials, options);
                const bytes = (b) => b;
                for (const path of ['/test.Echo/Nothing', '/test.Nothing/Unary'])
                        await fails(new Promise((resolve, reject) => client.makeUnaryRequest(path, bytes, bytes,
                                Buffer.alloc(0), (e, r) => (e ? reject(e) : resolve(r)))), status.UNIMPLEMENTED);
        },
        async invalidUtf8() {
                const client = new grpc.Client(target, credentials, options);
                const bytes = (b) => b;
                await fails(new Promise((resolve, reject) => client.makeUnaryRequest('/test.Echo/Unary', bytes, bytes,
                        Buffer.from([0x0a, 2, 0xff, 0xfe]), (e, r) => (e ? reject(e) : resolve(r)))), status.INVALID_ARGUMENT);
        },
        async metadata() {
                const metadata = new grpc.Metadata();
                metadata.set('x-marker', 'here');
                assert.strictEqual((await unary({ header: 'x-marker' }, deadline(), metadata)).header, 'here');
        },
        async identity() {
                assert((await unary({ about: true })).peer.includes('client.test'));
        },
        async concurrent() {
                const calls = [...Array(250).keys()].map((i) => unary({ text: String(i), delay_ms: i % 20 }));
                assert.deepStrictEqual((await Promise.all(calls)).map((r) => +r.text), [...Array(250).keys()]);
        },
        async health() {
                const client = new packages.grpc.health.v1.Health(target, credentials, options);
                const check = (service) => new Promise((resolve, reject) =>
                        client.Check({ service }, deadline(), (e, r) => (e ? reject(e) : resolve(r.status))));
                assert.strictEqual(await check(''), 1);
                await fails(check('nothing'), status.NOT_FOUND);
                const watch = client.Watch({ service: 'test.Echo' });
                watch.once('data', () => watch.cancel());
                const e = await fails(collect(watch), status.CANCELLED);
                assert.strictEqual(e.replies[0].status, 1);
        },
        async reflection() {
                for (const version of ['v1', 'v1alpha']) {
                        const [list] = await reflect(version, { list_services: '' });
                        assert(list.list_services_response.service.some((s) => s.name === 'test.Echo'));
                        const [file] = await reflect(version, { file_containing_symbol: 'test.Echo' });
                        assert(file.file_descriptor_response.file_descriptor_proto.length >= 1);
                }
        },
        async wrongCertificates() {
                for (const c of [grpc.credentials.createSsl(ca), grpc.credentials.createInsecure()]) {
                        const client = new packages.test.Echo(target, c, options);
                        await fails(unary({}, deadline(2000), new grpc.Metadata(), client), status.UNAVAILABLE);
                        client.close();
                }
        },
};

(async () => {
        const results = {};
        for (const [name, run] of Object.entries(cases))
                results[name] = await run().then(() => '', (e) => e.stack || String(e));
        console.log(JSON.stringify(results));
        process.exit(0);
})();
