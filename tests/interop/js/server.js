// SPDX-License-Identifier: Apache-2.0
// test.Echo as a @grpc/grpc-js server, for the runtime's client: node server.js PORT CA CERT KEY.
'use strict';

const { grpc, packages, read } = require('./common');

const [port, ...files] = process.argv.slice(2);
const [ca, cert, key] = read(files);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const failure = (r) => ({ code: r.fail_code, details: r.fail_text });
const reply = (call, r, index) => ({
        text: r.text,
        payload: r.payload,
        index,
        header: r.header ? String(call.metadata.get(r.header)[0] || '') : '',
});

async function unary(call, callback) {
        const r = call.request;
        await pause(r.delay_ms);
        if (r.fail_code)
                callback(failure(r));
        else
                callback(null, reply(call, r, 0));
}

// Iteration must not destroy the half that answers.
const messages = (call) => call.iterator({ destroyOnReturn: false });

function write(call, message) {
        if (call.write(message))
                return undefined;
        return new Promise((resolve) => {
                call.once('drain', resolve);
                call.once('cancelled', resolve);
        });
}

async function serverStream(call) {
        const r = call.request;
        for (let i = 0; i < r.count && !call.cancelled; i++) {
                await pause(r.delay_ms);
                await write(call, reply(call, r, i));
        }
        if (r.fail_code)
                call.emit('error', failure(r));
        else
                call.end();
}

async function clientStream(call, callback) {
        const out = { index: 0, size: 0, text: '' };
        for await (const r of messages(call)) {
                out.index++;
                out.size += r.payload.length;
                out.text = r.text;
                if (r.fail_code)
                        return callback(failure(r));
        }
        return callback(null, out);
}

async function bidi(call) {
        let n = 0, failed = null;
        for await (const r of messages(call)) {
                await pause(r.delay_ms);
                for (let i = 0; i < Math.max(r.count, 1); i++)
                        await write(call, reply(call, r, n++));
                if (r.fail_code) {
                        failed = failure(r);
                        break;
                }
        }
        if (failed)
                call.emit('error', failed);
        else
                call.end();
}

const guarded = (f) => (call, callback) => f(call, callback).catch(() => {});
const server = new grpc.Server({ 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 });
server.addService(packages.test.Echo.service, {
        Unary: guarded(unary),
        ServerStream: guarded(serverStream),
        ClientStream: guarded(clientStream),
        Bidi: guarded(bidi),
});
const credentials = grpc.ServerCredentials.createSsl(ca, [{ cert_chain: cert, private_key: key }], true);
server.bindAsync(`127.0.0.1:${port}`, credentials, (e) => {
        if (e)
                throw e;
        console.log('ready');
});
