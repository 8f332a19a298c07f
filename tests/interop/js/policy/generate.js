// SPDX-License-Identifier: Apache-2.0
// Random (policies, entities, request) triples; the same for the same seed and number.
'use strict';

const { Expressions, SPACE, GAP } = require('./expressions.js');
const { Random } = require('./random.js');
const W = require('./words.js');

class Triple {
        constructor(seed, number) {
                this.r = new Random(seed, number);
                const uids = (n, types) =>
                        Array.from({ length: n }, () => ({ type: this.r.pick(types), id: this.r.pick(W.ids) }));
                this.actions = uids(3, W.actions);
                this.uids = [...uids(5, W.types), ...this.actions];
                this.expressions = new Expressions(this.r, this.uids);
        }

        make() {
                const r = this.r;
                const request = {
                        principal: this.uidJson(),
                        action: this.uidJson(this.actions),
                        resource: this.uidJson(),
                };
                this.request = request;
                const pieces = Array.from({ length: 1 + r.below(r.percent(5) ? 24 : 4) }, () => this.policy());
                const text = this.damage(pieces.map((p) => p.text).join(''));
                return {
                        pieces: text.damaged ? null : pieces,
                        policies: text.text,
                        ...request,
                        context: this.record(3),
                        entities: this.entities(),
                        links: text.damaged ? [] : this.links(pieces),
                };
        }

        // Blanks: where they must be, or everywhere, of every sort.
        blank(text) {
                const r = this.r;
                const style = r.below(3);
                const plain = style === 0 ? '' : ' ';
                const blanks = () => (style < 2 || r.percent(70) ? plain : r.pick(W.blanks) + r.pick(['', ' ']));
                return text.replace(/[\u0001\u0002]/g, (c) => blanks() || (c === GAP ? ' ' : ''));
        }

        policy() {
                const r = this.r;
                const e = this.expressions;
                const template = r.percent(3);
                const annotations = r.some(r.percent(85) ? 0 : 2, (i) => {
                        const value = r.percent(80) ? `(${SPACE}${e.quote(r.pick(W.strings))}${SPACE})` : '';
                        return `@${SPACE}${r.pick(['id', 'note', 'if', 'in', '_x'])}${i}${SPACE}${value}${GAP}`;
                });
                annotations.push(...(r.percent(3) ? [`@in("x")${SPACE}`, `@if${GAP}`] : []));
                const scopes = [
                        this.scope('principal', template),
                        this.action(),
                        this.scope('resource', template && r.percent(50)),
                ];
                const conditions = r.some(r.percent(80) ? 1 : 3, () => {
                        const expr = e.at(0, 'bool', 1 + r.below(5));
                        return `${r.pick(['when', 'when', 'unless'])}${SPACE}{${SPACE}${expr}${SPACE}}`;
                });
                const tail = r.percent(5) ? `${SPACE},` : '';
                const text = [
                        ...annotations,
                        r.pick(['permit', 'permit', 'forbid']),
                        SPACE,
                        '(',
                        SPACE,
                        scopes.join(`${SPACE},${SPACE}`),
                        tail,
                        SPACE,
                        ')',
                        SPACE,
                        conditions.join(SPACE),
                        SPACE,
                        ';',
                        SPACE,
                ].join('');
                return { text: this.blank(text), template };
        }

        // Mostly what the request has.
        asked(variable, uids) {
                const u = this.request[variable];
                return this.r.percent(60) &&
                        !u.__entity &&
                        /^\w+(::\w+)*$/.test(u.type) &&
                        (variable !== 'action' || /Action$/.test(u.type))
                        ? u
                        : this.r.pick(uids);
        }

        scope(variable, slot) {
                const r = this.r;
                const e = this.expressions;
                const entity = slot ? `?${variable}` : e.uid(this.asked(variable, this.uids));
                const type = () => this.asked(variable, this.uids).type.split('::').join(`${SPACE}::${SPACE}`);
                switch (slot ? 1 + r.below(3) : r.below(9)) {
                        case 1:
                                return `${variable}${SPACE}==${SPACE}${entity}`;
                        case 2:
                                return `${variable}${GAP}in${GAP}${entity}`;
                        case 3:
                                return `${variable}${GAP}is${GAP}${type()}${GAP}in${GAP}${entity}`;
                        case 4:
                                return `${variable}${GAP}is${GAP}${type()}`;
                        default:
                                return variable;
                }
        }

        action() {
                const e = this.expressions;
                const uid = () => e.uid(this.asked('action', this.actions));
                switch (this.r.below(8)) {
                        case 1:
                                return `action${SPACE}==${SPACE}${uid()}`;
                        case 2:
                                return `action${GAP}in${GAP}${uid()}`;
                        case 3:
                                return `action${GAP}in${SPACE}${e.list('[', this.r.some(4, uid), ']')}`;
                        default:
                                return 'action';
                }
        }

        // Of each template none or some; few with a slot that it lacks, or without one that it has.
        links(pieces) {
                const r = this.r;
                const link = (piece, i, n) => {
                        const wrong = r.percent(1) ? r.pick(['principal', 'resource']) : null;
                        const slots = ['principal', 'resource'].filter(
                                (v) => piece.text.includes(`?${v}`) !== (v === wrong),
                        );
                        const values = slots.map((v) => [v, this.asked(v, this.uids)]);
                        return { template: `policy${i}`, id: `link${i}-${n}`, ...Object.fromEntries(values) };
                };
                return pieces.flatMap((p, i) => (p.template ? r.some(3, (n) => link(p, i, n)) : []));
        }

        // One text in four is not quite one.
        damage(text) {
                const r = this.r;
                if (!r.percent(25)) return { text, damaged: false };
                let parts = text.match(/"(?:\\.|[^"\\])*"|\w+|::|[=!<>]=|&&|\|\||\s+|./gsu) || [];
                for (let n = 1 + r.below(2); n > 0; n--) {
                        const i = r.below(parts.length);
                        switch (r.below(6)) {
                                case 0:
                                        parts.splice(i, 1);
                                        break;
                                case 1:
                                        parts.splice(i, 0, parts[i]);
                                        break;
                                case 2:
                                        parts.splice(i, 1, r.pick(W.tokens));
                                        break;
                                case 3:
                                        parts.splice(i, 0, r.pick(W.tokens));
                                        break;
                                case 4:
                                        parts.splice(i, 1, r.pick(parts));
                                        break;
                                default:
                                        parts = [this.damageLetter(parts.join(''))];
                        }
                }
                return { text: parts.join(''), damaged: true };
        }

        damageLetter(text) {
                const letters = [...text];
                const i = this.r.below(letters.length);
                letters.splice(
                        i,
                        this.r.below(2),
                        this.r.pick([...'"\\(){}[];:.,=!&|<>*-+/@?_ax0 \0\n\ré', '\u{1F600}', '\ufeff']),
                );
                return letters.join('');
        }

        uidJson(uids = this.uids) {
                const r = this.r;
                const u = r.percent(97) ? r.pick(uids) : { type: r.pick(W.types), id: r.pick(W.ids) };
                if (r.percent(0.1))
                        return {
                                type: r.pick([
                                        '',
                                        'a b',
                                        'if',
                                        '__cedar',
                                        'a::',
                                        '::a',
                                        'é',
                                        'a::if',
                                        'A :: B',
                                        '1',
                                        'in',
                                ]),
                                id: 'x',
                        };
                return r.percent(10) ? { __entity: { ...u } } : { ...u };
        }

        value(kind, depth) {
                const r = this.r;
                if (r.percent(5))
                        kind = r.pick(['bool', 'long', 'string', 'entity', 'record', 'mixed', 'ip', 'datetime']);
                if (r.percent(0.1) && r.percent(5))
                        return r.pick([
                                null,
                                1.5,
                                { __entity: { type: 'User' } },
                                { __extn: { fn: 'foo', arg: 'x' } },
                                { __expr: '1' },
                                { __entity: { type: 'User', id: 'x' }, a: 1 },
                                { __extn: { fn: 'ip', arg: 1 } },
                                { __extn: 'x' },
                        ]);
                switch (kind) {
                        case 'bool':
                                return r.percent(50);
                        case 'long':
                                return r.pick([
                                        0, 1, 2, 3, -1, 7, 100, -100, 9007199254740991, -9007199254740991, 2147483648,
                                ]);
                        case 'string':
                                return r.pick(W.strings);
                        case 'entity':
                                return { __entity: { ...r.pick(this.uids) } };
                        case 'record':
                                return depth > 0 ? this.record(depth - 1) : {};
                        case 'ip':
                        case 'decimal':
                        case 'datetime':
                        case 'duration': {
                                const texts = W.texts[kind];
                                const good = texts.slice(0, 8);
                                return {
                                        __extn: {
                                                fn: kind,
                                                arg: r.percent(99.9)
                                                        ? r.pick(good)
                                                        : this.expressions.extensionText(kind),
                                        },
                                };
                        }
                        default: {
                                const element = { entities: 'entity', longs: 'long', strings: 'string' }[kind];
                                return depth > 0
                                        ? r.some(4, () =>
                                                  this.value(
                                                          element ||
                                                                  r.pick([
                                                                          'long',
                                                                          'string',
                                                                          'bool',
                                                                          'entity',
                                                                          'record',
                                                                          'ip',
                                                                          'ss',
                                                                  ]),
                                                          depth - 1,
                                                  ),
                                          )
                                        : [];
                        }
                }
        }

        record(depth) {
                const record = {};
                for (const name of Object.keys(W.attributes))
                        if (this.r.percent(depth < 3 ? 25 : 60)) record[name] = this.value(W.attributes[name], depth);
                return record;
        }

        entities() {
                const r = this.r;
                const once = [...new Map(this.uids.map((u) => [JSON.stringify(u), u])).values()];
                const share = r.pick([0, 75, 75, 90]);
                const known = once.filter(() => r.percent(share));
                const list = known.map((uid, i) => {
                        const others = [
                                ...once.slice(once.indexOf(uid) + 1),
                                ...r.some(1, () => ({ type: 'Group', id: 'unknown' })),
                        ];
                        const isAction = /Action$/.test(uid.type);
                        const above = (r.percent(0.3) ? once : others).filter(
                                (u) => !isAction || /Action$/.test(u.type),
                        );
                        const entity = { uid, attrs: this.record(2), parents: above.filter(() => r.percent(35)) };
                        if (r.percent(40))
                                entity.tags = Object.fromEntries(
                                        r.some(3, () => [
                                                r.pick(W.strings),
                                                this.value(r.pick(['string', 'long', 'ss', 'ip', 'entity']), 2),
                                        ]),
                                );
                        return entity;
                });
                if (list.length && r.percent(1)) list.push(r.percent(50) ? list[0] : { ...list[0], attrs: {} });
                return list;
        }
}

module.exports = { generate: (seed, number) => new Triple(seed, number).make() };
