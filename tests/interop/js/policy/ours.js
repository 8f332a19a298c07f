// SPDX-License-Identifier: Apache-2.0
// What libgivc/policy says of triples: build/tests/interop/policy-answers, asked many at once.
'use strict';

const { once } = require('events');
const { spawn } = require('child_process');
const readline = require('readline');

class Ours {
        constructor(program) {
                this.child = spawn(program, { stdio: ['pipe', 'pipe', 'inherit'] });
                this.lines = readline.createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
        }

        async send(triples) {
                const parts = [];
                for (const t of triples) {
                        const parsed = [t.principal, t.action, t.resource, t.context, t.entities, t.links ?? []];
                        const json = parsed.map((x) => JSON.stringify(x));
                        const texts = [t.policies, ...json].map((x) => Buffer.from(x));
                        parts.push(Buffer.from(`${texts.map((x) => x.length).join(' ')}\n`), ...texts);
                }
                if (!this.child.stdin.write(Buffer.concat(parts))) await once(this.child.stdin, 'drain');
        }

        async receive() {
                const { value, done } = await this.lines.next();
                if (done) throw new Error(`policy-answers ended, ${this.child.exitCode ?? this.child.signalCode}`);
                return JSON.parse(value);
        }

        async ask(triple) {
                await this.send([triple]);
                return this.receive();
        }

        async close() {
                this.child.stdin.end();
                const [code, signal] =
                        this.child.exitCode === null ? await once(this.child, 'exit') : [this.child.exitCode];
                if (code !== 0) throw new Error(`policy-answers ended with ${code ?? signal}`);
        }
}

module.exports = { Ours };
