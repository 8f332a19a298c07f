// SPDX-License-Identifier: Apache-2.0
// Makes a triple smaller as long as a property of it stays.
'use strict';

const tokens = (text) => text.match(/"(?:\\.|[^"\\])*"|\w+|::|[=!<>]=|&&|\|\||\s+|./gsu) || [];

// Leaves out runs of items, long ones first.
async function shorten(items, holds) {
        for (let run = items.length; run > 0; run = run >> 1)
                for (let i = 0; i < items.length;) {
                        const fewer = [...items.slice(0, i), ...items.slice(i + run)];
                        if (await holds(fewer)) items = fewer;
                        else i += run;
                }
        return items;
}

async function reduce(triple, differs) {
        let small = { ...triple };
        const attempt = async (change) => {
                const other = { ...small, ...change };
                if (!(await differs(other))) return false;
                small = other;
                return true;
        };
        await shorten(small.links ?? [], (links) => attempt({ links }));
        const fixed = small.links?.length; // links name templates by their place
        if (small.pieces && !fixed)
                await shorten(small.pieces, (pieces) =>
                        attempt({ pieces, policies: pieces.map((p) => p.text).join('') }),
                );
        if (!fixed && !small.pieces?.some((p) => p.template))
                await shorten(tokens(small.policies), (t) => attempt({ pieces: null, policies: t.join('') }));
        await shorten(small.entities, (entities) => attempt({ entities }));
        await shorten(Object.entries(small.context), (members) => attempt({ context: Object.fromEntries(members) }));
        for (const [i, entity] of small.entities.entries())
                await shorten(Object.entries(entity.attrs), (members) =>
                        attempt({
                                entities: small.entities.with(i, { ...entity, attrs: Object.fromEntries(members) }),
                        }),
                );
        return small;
}

module.exports = { reduce };
