// SPDX-License-Identifier: Apache-2.0
// Dice that a seed and a number determine.
'use strict';

class Random {
        constructor(seed, number) {
                this.state = (Math.imul(seed, 0x9e3779b1) ^ Math.imul(number + 1, 0x85ebca6b)) >>> 0;
        }

        next() {
                this.state = (this.state + 0x6d2b79f5) >>> 0;
                let t = this.state;
                t = Math.imul(t ^ (t >>> 15), t | 1);
                t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
                return (t ^ (t >>> 14)) >>> 0;
        }

        below(n) {
                return this.next() % n;
        }

        percent(p) {
                return this.next() % 1000 < p * 10;
        }

        pick(list) {
                return list[this.below(list.length)];
        }

        some(max, make) {
                return Array.from({ length: this.below(max + 1) }, (_, i) => make(i));
        }
}

module.exports = { Random };
