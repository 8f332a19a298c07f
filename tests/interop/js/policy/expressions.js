// SPDX-License-Identifier: Apache-2.0
// Random expressions of the Cedar language, mostly of the type asked for. SPACE and GAP in what they give stand for
// blanks that may and must be there.
'use strict';

const W = require('./words.js');

const SPACE = '\u0001';
const GAP = '\u0002';
const RELATION = 3,
        SUM = 4,
        PRODUCT = 5,
        UNARY = 6,
        MEMBER = 7,
        PRIMARY = 8;
const kinds = [
        'bool',
        'long',
        'string',
        'entity',
        'ip',
        'decimal',
        'datetime',
        'duration',
        'record',
        'entities',
        'longs',
        'strings',
        'mixed',
];
const elements = { entities: 'entity', longs: 'long', strings: 'string' };

class Expressions {
        constructor(random, uids) {
                this.r = random;
                this.uids = uids;
        }

        // The text of a string literal, escaped at whim; in a pattern '*' is to stay what it is.
        quote(s) {
                let out = '';
                for (const c of s) {
                        const code = c.codePointAt(0);
                        const simple = {
                                '"': '\\"',
                                '\\': '\\\\',
                                '\r': '\\r',
                                '\0': '\\0',
                                '\n': '\\n',
                                '\t': '\\t',
                                "'": "\\'",
                        }[c];
                        if (this.r.percent(4)) out += `\\u{${code.toString(16)}}`;
                        else if (code < 128 && this.r.percent(3)) out += `\\x${code.toString(16).padStart(2, '0')}`;
                        else if (simple && (/["\\\r\0]/.test(c) || this.r.percent(60))) out += simple;
                        else out += c;
                }
                return `"${out}"`;
        }

        uid(u = this.r.pick(this.uids)) {
                return u.type.split('::').join(`${SPACE}::${SPACE}`) + `${SPACE}::${SPACE}` + this.quote(u.id);
        }

        // An expression that binds at least as tightly as asked.
        at(level, kind, depth) {
                const [l, text] = this.any(kind, depth);
                return l < level || this.r.percent(3) ? `(${SPACE}${text}${SPACE})` : text;
        }

        any(kind, depth) {
                if (this.r.percent(2.5)) kind = this.r.pick(kinds);
                if (depth <= 0 || this.r.percent(12)) return this.leaf(kind);
                if (this.r.percent(5))
                        return [
                                0,
                                [
                                        'if',
                                        GAP,
                                        this.at(0, 'bool', depth - 1),
                                        GAP,
                                        'then',
                                        GAP,
                                        this.at(0, kind, depth - 1),
                                        GAP,
                                        'else',
                                        GAP,
                                        this.at(0, kind, depth - 1),
                                ].join(''),
                        ];
                if (this.r.percent(kind === 'bool' ? 8 : 30)) return this.got(kind, depth);
                return this[{ entities: 'set', longs: 'set', strings: 'set', mixed: 'set' }[kind] || kind](
                        depth,
                        kind,
                );
        }

        leaf(kind) {
                const r = this.r;
                switch (kind) {
                        case 'bool':
                                return [PRIMARY, r.pick(['true', 'false'])];
                        case 'long': {
                                const n = r.percent(0.2) ? r.pick(W.unrepresentable) : r.pick(W.longs);
                                return [n.startsWith('-') ? UNARY : PRIMARY, n];
                        }
                        case 'string':
                                return [PRIMARY, this.quote(r.pick(W.strings))];
                        case 'entity':
                                return [
                                        PRIMARY,
                                        r.percent(50) ? r.pick(['principal', 'action', 'resource']) : this.uid(),
                                ];
                        case 'record':
                                return [PRIMARY, r.percent(50) ? 'context' : '{}'];
                        case 'ip':
                        case 'decimal':
                        case 'datetime':
                        case 'duration':
                                return [
                                        MEMBER,
                                        `${kind}${SPACE}(${SPACE}${this.quote(this.extensionText(kind))}${SPACE})`,
                                ];
                        default:
                                return [
                                        PRIMARY,
                                        r.percent(50)
                                                ? '[]'
                                                : `[${SPACE}${this.leaf(this.element(kind))[1]}${SPACE}]`,
                                ];
                }
        }

        // Mostly one that means something, at times one letter away from it.
        extensionText(kind) {
                const r = this.r;
                const texts = W.texts[kind];
                let t = r.percent(70) ? texts[r.below(Math.ceil(texts.length / 2))] : r.pick(texts);
                if (r.percent(5)) {
                        const i = r.below(t.length + 1);
                        t = t.slice(0, i) + r.pick([...'0129-+.:/TZdhms a', '']) + t.slice(i + r.below(2));
                }
                return t;
        }

        element(kind) {
                return elements[kind] || this.r.pick(kinds);
        }

        // Something in something: an attribute, a tag.
        got(kind, depth) {
                const r = this.r;
                const names = Object.keys(W.attributes).filter((n) => W.attributes[n] === kind);
                const name = names.length && r.percent(95) ? r.pick(names) : r.pick(Object.keys(W.attributes));
                const of = r.percent(40)
                        ? 'context'
                        : this.at(MEMBER, r.percent(70) ? 'entity' : 'record', depth - 1);
                if (r.percent(12))
                        return [
                                MEMBER,
                                `${of}${SPACE}.${SPACE}getTag${SPACE}(${SPACE}${this.at(0, 'string', 0)}${SPACE})`,
                        ];
                return [MEMBER, of + this.path(name)];
        }

        path(name) {
                if (/^[A-Za-z_]\w*$/.test(name) && this.r.percent(85)) return `${SPACE}.${SPACE}${name}`;
                return `${SPACE}[${SPACE}${this.quote(name)}${SPACE}]`;
        }

        chain(level, operators, kind, depth) {
                const n = this.r.percent(4) ? 8 : 2 + this.r.below(3);
                let text = this.at(level + 1, kind, depth - 1);
                for (let i = 1; i < n; i++)
                        text += `${SPACE}${this.r.pick(operators)}${SPACE}${this.at(level + 1, kind, depth - 1)}`;
                return [level, text];
        }

        relation(left, operator, right) {
                const blank = /\w/.test(operator) ? GAP : SPACE;
                return [RELATION, `${left}${blank}${operator}${blank}${right}`];
        }

        method(of, name, ...args) {
                return [
                        MEMBER,
                        `${of}${SPACE}.${SPACE}${name}${SPACE}(${SPACE}${args.join(`${SPACE},${SPACE}`)}${SPACE})`,
                ];
        }

        bool(depth) {
                const r = this.r;
                const d = depth - 1;
                const sets = r.pick(['entities', 'longs', 'strings', 'mixed']);
                const kind = r.pick(kinds);
                switch (r.below(23)) {
                        case 20:
                        case 21:
                        case 22:
                                return this.asked();
                        case 0:
                        case 1:
                                return this.chain(2, ['&&'], 'bool', depth);
                        case 2:
                        case 3:
                                return this.chain(1, ['||'], 'bool', depth);
                        case 4:
                                return [
                                        UNARY,
                                        '!'.repeat(1 + r.below(r.percent(10) ? 5 : 2)) +
                                                SPACE +
                                                this.at(MEMBER, 'bool', d),
                                ];
                        case 5:
                        case 6:
                                return this.relation(
                                        this.at(SUM, kind, d),
                                        r.pick(['==', '!=']),
                                        this.at(SUM, kind, d),
                                );
                        case 7:
                                return this.relation(
                                        this.at(SUM, r.pick(['long', 'long', 'datetime', 'duration', kind]), d),
                                        r.pick(['<', '<=', '>', '>=']),
                                        this.at(SUM, 'long', d),
                                );
                        case 8: {
                                const ordered = r.pick(['long', 'datetime', 'duration']);
                                return this.relation(
                                        this.at(SUM, ordered, d),
                                        r.pick(['<', '<=', '>', '>=']),
                                        this.at(SUM, ordered, d),
                                );
                        }
                        case 9:
                        case 10:
                                return this.relation(
                                        this.at(SUM, 'entity', d),
                                        'in',
                                        this.at(SUM, r.pick(['entity', 'entities']), d),
                                );
                        case 11:
                                return this.is(d);
                        case 12:
                        case 13:
                                return this.has(d);
                        case 14:
                                return this.relation(this.at(SUM, 'string', d), 'like', this.pattern());
                        case 15:
                                return this.method(
                                        this.at(MEMBER, sets, d),
                                        'contains',
                                        this.at(0, this.element(sets), d),
                                );
                        case 16:
                                return this.method(
                                        this.at(MEMBER, sets, d),
                                        r.pick(['containsAll', 'containsAny']),
                                        this.at(0, sets, d),
                                );
                        case 17:
                                return r.percent(50)
                                        ? this.method(this.at(MEMBER, sets, d), 'isEmpty')
                                        : this.method(
                                                  this.at(MEMBER, 'entity', d),
                                                  'hasTag',
                                                  this.at(0, 'string', d),
                                          );
                        case 18:
                                return this.method(
                                        this.at(MEMBER, 'decimal', d),
                                        r.pick(W.extensions.decimal),
                                        this.at(0, 'decimal', d),
                                );
                        default:
                                return this.ipQuestion(d);
                }
        }

        // What rules mostly ask: is it one of these?
        asked() {
                const r = this.r;
                const variable = r.pick(['principal', 'action', 'resource']);
                const ask = () => {
                        switch (r.below(6)) {
                                case 0:
                                        return this.relation(this.uid(), '==', variable)[1];
                                case 1:
                                        return this.relation(variable, 'in', this.uid())[1];
                                case 2: {
                                        const uids = r.some(3, () => this.uid());
                                        return this.relation(variable, 'in', this.list('[', uids, ']'))[1];
                                }
                                case 3:
                                        return r.percent(50) ? r.pick(['true', 'false']) : this.is(0)[1];
                                default:
                                        return this.relation(variable, '==', this.uid())[1];
                        }
                };
                const asks = [ask(), ...r.some(3, ask)];
                return [asks.length > 1 ? 1 : RELATION, asks.join(`${SPACE}||${SPACE}`)];
        }

        ipQuestion(depth) {
                const name = this.r.pick(W.extensions.ip);
                const left = this.at(MEMBER, 'ip', depth);
                return name === 'isInRange'
                        ? this.method(left, name, this.at(0, 'ip', depth))
                        : this.method(left, name);
        }

        is(depth) {
                const type = this.r.pick(W.types);
                const [level, text] = this.relation(
                        this.at(SUM, 'entity', depth),
                        'is',
                        type.split('::').join(`${SPACE}::${SPACE}`),
                );
                if (this.r.percent(60)) return [level, text];
                return [level, `${text}${GAP}in${GAP}${this.at(SUM, this.r.pick(['entity', 'entities']), depth)}`];
        }

        has(depth) {
                const r = this.r;
                const of = r.percent(40) ? 'context' : this.at(SUM, r.pick(['entity', 'record']), depth);
                const names = Object.keys(W.attributes);
                if (r.percent(40)) return this.relation(of, 'has', this.quote(r.pick(names)));
                const plain = names.filter((n) => /^[A-Za-z_]\w*$/.test(n));
                return this.relation(
                        of,
                        'has',
                        [r.pick(plain), ...r.some(r.percent(70) ? 0 : 3, () => r.pick(plain))].join(
                                `${SPACE}.${SPACE}`,
                        ),
                );
        }

        pattern() {
                const r = this.r;
                if (r.percent(70)) return `"${r.pick(W.patterns)}"`;
                return `"${r.some(6, () => r.pick(['*', 'a', 'b', 'ab', '\\*', 'é', '-', 'vm'])).join('')}"`;
        }

        long(depth) {
                const r = this.r;
                switch (r.below(5)) {
                        case 0:
                        case 1:
                                return this.chain(SUM, ['+', '-'], 'long', depth);
                        case 2:
                                return this.chain(PRODUCT, ['*'], 'long', depth);
                        case 3:
                                return [
                                        UNARY,
                                        '-'.repeat(1 + r.below(r.percent(10) ? 5 : 2)) +
                                                SPACE +
                                                this.at(MEMBER, 'long', depth - 1),
                                ];
                        default:
                                return this.method(
                                        this.at(MEMBER, 'duration', depth - 1),
                                        r.pick(W.extensions.duration),
                                );
                }
        }

        string(depth) {
                return this.got('string', depth);
        }

        entity(depth) {
                return this.r.percent(50) ? this.leaf('entity') : this.got('entity', depth);
        }

        ip(depth) {
                return this.constructed('ip', depth);
        }

        decimal(depth) {
                return this.constructed('decimal', depth);
        }

        constructed(kind, depth) {
                const argument = this.r.percent(85)
                        ? this.quote(this.extensionText(kind))
                        : this.at(0, 'string', depth - 1);
                return [MEMBER, `${kind}${SPACE}(${SPACE}${argument}${SPACE})`];
        }

        datetime(depth) {
                const d = depth - 1;
                switch (this.r.below(4)) {
                        case 0:
                                return this.method(
                                        this.at(MEMBER, 'datetime', d),
                                        'offset',
                                        this.at(0, 'duration', d),
                                );
                        case 1:
                                return this.method(this.at(MEMBER, 'datetime', d), 'toDate');
                        default:
                                return this.constructed('datetime', depth);
                }
        }

        duration(depth) {
                const d = depth - 1;
                switch (this.r.below(4)) {
                        case 0:
                                return this.method(
                                        this.at(MEMBER, 'datetime', d),
                                        'durationSince',
                                        this.at(0, 'datetime', d),
                                );
                        case 1:
                                return this.method(this.at(MEMBER, 'datetime', d), 'toTime');
                        default:
                                return this.constructed('duration', depth);
                }
        }

        record(depth) {
                const r = this.r;
                const names = r.some(4, () => r.pick(Object.keys(W.attributes)));
                const once = r.percent(3) ? names : [...new Set(names)];
                const members = once.map((n) => {
                        const key = /^[A-Za-z_]\w*$/.test(n) && r.percent(60) ? n : this.quote(n);
                        return `${key}${SPACE}:${SPACE}${this.at(0, W.attributes[n], depth - 1)}`;
                });
                return [PRIMARY, this.list('{', members, '}')];
        }

        set(depth, kind) {
                const n = this.r.percent(3) ? 20 : 4;
                return [
                        PRIMARY,
                        this.list(
                                '[',
                                this.r.some(n, () => this.at(0, this.element(kind), depth - (n > 4 ? 3 : 1))),
                                ']',
                        ),
                ];
        }

        list(open, items, close) {
                const tail = items.length && this.r.percent(8) ? `${SPACE},` : '';
                return open + SPACE + items.join(`${SPACE},${SPACE}`) + tail + SPACE + close;
        }
}

module.exports = { Expressions, SPACE, GAP };
