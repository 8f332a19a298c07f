// SPDX-License-Identifier: Apache-2.0
// The same as decisions.c with @cedar-policy/cedar-wasm: decisions.js HOW RULES REQUESTS SECONDS, where HOW is prepared
// for rules that are parsed once, or plain.
'use strict';

const fs = require('fs');
const cedar = require('@cedar-policy/cedar-wasm/nodejs');

function main([how, rules, file, seconds]) {
        const text = fs.readFileSync(rules, 'utf8');
        const requests = JSON.parse(fs.readFileSync(file, 'utf8')).map((r) => ({ ...r, entities: [] }));
        const policies = { staticPolicies: text };
        const prepared = how === 'prepared';
        if (prepared && cedar.preparsePolicySet('rules', policies).type !== 'success')
                throw new Error('the rules are refused');
        const decide = prepared
                ? (r) => cedar.statefulIsAuthorized({ ...r, preparsedPolicySetId: 'rules' })
                : (r) => cedar.isAuthorized({ ...r, policies });

        const times = [];
        let allowed = 0;
        const begin = process.hrtime.bigint();
        let before = begin;
        for (let n = 0; n < requests.length || before - begin < BigInt(seconds * 1e9); n++) {
                const answer = decide(requests[n % requests.length]);
                if (answer.type !== 'success') throw new Error(JSON.stringify(answer.errors));
                allowed += n < requests.length && answer.response.decision === 'allow';
                const after = process.hrtime.bigint();
                times.push(Number(after - before) / 1e3);
                before = after;
        }
        times.sort((a, b) => a - b);
        const line = {
                allowed,
                per_second: times.length / (Number(before - begin) / 1e9),
                median_usec: times[times.length >> 1],
        };
        console.log(JSON.stringify(line));
}

main(process.argv.slice(2));
