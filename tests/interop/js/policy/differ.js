// SPDX-License-Identifier: Apache-2.0
// Asks ours and cedar-wasm the same, and tells where they differ: differ.js PROGRAM [SEED:FROM:COUNT | FILE.jsonl]…
// where a line of FILE is a triple or an expression. One line of JSON for each difference, a summary at the end;
// exits with 1 when there was one.
'use strict';

const fs = require('fs');
const v8 = require('v8');
const { generate } = require('./generate.js');
const { ask } = require('./oracle.js');
const { Ours } = require('./ours.js');
const { reduce } = require('./reduce.js');

// Node 20 can abort in the middle of it ("unreachable code" where optimized code is left); what takes time is WebAssembly.
v8.setFlagsFromString('--no-opt');

const BATCH = 100;
const SHOWN = 20;

// Where ours is meant to differ: [what ours refuses, what theirs refuses] null for nothing.
const deviations = [
        // A rule for Command::"StartVM" says `action == Command::"StartVM"`, as Go's library lets it.
        [null, /^expected (an entity uid|entity uids) with type `Action` but got/],
        [/: a NUL byte \(write /, null],
        // A function of cedar-wasm's own, for what it calls partial evaluation.
        [/: there is no function 'unknown'/, null],
        // What says that it is an entity or a call and is none, they read as a record; members that they do not know,
        // they skip.
        [/^\w+:\d+:\d+: (expected (an entity|a call), \{|'__e(ntity|xtn)' stands alone)/, null],
        [/^entities:\d+:\d+: an entity has uid, attrs, parents and tags, and no other members/, null],
];

// The one refuses, the other does not, or goes on to refuse something else.
const refuses = (a, b, why) => (why ? a?.refused && why.test(a.why) : !a?.refused || a.refused !== b?.refused);

const isMeant = (ours, theirs) => deviations.some(([a, b]) => refuses(ours, theirs, a) && refuses(theirs, ours, b));

const key = (a) => (a.refused ? a.refused : `${a.decision} ${[...a.reasons].sort()} ${[...a.errors].sort()}`);

function differ(ours, theirs) {
        if (ours.broken) return true;
        if (theirs === null ? ours.refused !== 'policies' : key(ours) === key(theirs)) return false;
        return !isMeant(ours, theirs);
}

const sort = (ours, theirs) => `${ours.broken} ${ours.refused} ${theirs?.refused}`;

// What an expression, or a triple that does not say, is asked of.
const world = {
        principal: { type: 'User', id: 'me' },
        action: { type: 'Action', id: 'a' },
        resource: { type: 'Doc', id: 'd' },
        context: { n: 1, s: 'text', r: { a: { b: 2 } } },
        entities: [
                {
                        uid: { type: 'User', id: 'me' },
                        attrs: { age: 7 },
                        parents: [{ type: 'Group', id: 'g' }],
                        tags: { x: 1 },
                },
        ],
};

const whole = (line) => {
        const policies = (expression) => `permit(principal, action, resource) when { ${expression} };`;
        return { ...world, ...(typeof line === 'string' ? { policies: policies(line) } : line) };
};

function* triples(sources) {
        for (const source of sources) {
                const range = /^(\d+):(\d+):(\d+)$/.exec(source);
                if (range) {
                        const [seed, from, count] = range.slice(1).map(Number);
                        for (let i = from; i < from + count; i++) yield [`${seed}:${i}:1`, generate(seed, i)];
                } else {
                        for (const [i, line] of fs.readFileSync(source, 'utf8').trimEnd().split('\n').entries())
                                yield [`${source}:${i + 1}`, whole(JSON.parse(line))];
                }
        }
}

async function main([program, ...sources]) {
        const ours = new Ours(program);
        const sum = {
                triples: 0,
                allowed: 0,
                denied: 0,
                refused: 0,
                policies_refused: 0,
                reasons: 0,
                errors: 0,
                differences: 0,
        };
        const count = (answer) => {
                sum.triples++;
                if (answer === null || answer.refused) {
                        sum[answer?.refused === 'policies' ? 'policies_refused' : 'refused'] += answer ? 1 : 0;
                        return;
                }
                sum[answer.decision === 'allow' ? 'allowed' : 'denied']++;
                sum.reasons += answer.reasons.length;
                sum.errors += answer.errors.length;
        };
        const settle = async (batch) => {
                await ours.send(batch.map(([, triple]) => triple));
                const theirs = batch.map(([, triple]) => ask(triple));
                const mine = [];
                for (let i = 0; i < batch.length; i++) mine.push(await ours.receive());
                for (const [i, [name, triple]] of batch.entries()) {
                        count(theirs[i]);
                        if (!differ(mine[i], theirs[i]) || ++sum.differences > SHOWN) continue;
                        const small = await reduce(triple, async (t) => {
                                const [a, b] = [await ours.ask(t), ask(t)];
                                return sort(a, b) === sort(mine[i], theirs[i]) && differ(a, b);
                        });
                        console.log(
                                JSON.stringify({
                                        name,
                                        ours: await ours.ask(small),
                                        theirs: ask(small),
                                        triple: small,
                                }),
                        );
                }
        };
        let batch = [];
        for (const one of triples(sources)) {
                batch.push(one);
                if (batch.length === BATCH) await settle(batch.splice(0));
        }
        await settle(batch);
        await ours.close();
        console.log(JSON.stringify(sum));
        process.exitCode = sum.differences ? 1 : 0;
}

main(process.argv.slice(2));
