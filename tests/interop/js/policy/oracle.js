// SPDX-License-Identifier: Apache-2.0
// What @cedar-policy/cedar-wasm says of a triple.
'use strict';

const cedar = require('@cedar-policy/cedar-wasm/nodejs');

const refused = (what, answer) => ({ refused: what, why: answer.errors.map((e) => e.message).join('; ') });

// A text with templates is given in pieces: as one, it would be refused.
function policySet(triple, parts) {
        if (!parts.policy_templates.length) return { staticPolicies: triple.policies };
        if (!triple.pieces) return null;
        const named = triple.pieces.map((p, i) => [`policy${i}`, p]);
        const some = (template) =>
                Object.fromEntries(named.filter(([, p]) => p.template === template).map(([id, p]) => [id, p.text]));
        const templateLinks = (triple.links || []).map(({ template, id, principal, resource }) => ({
                templateId: template,
                newId: id,
                values: { ...(principal && { '?principal': principal }), ...(resource && { '?resource': resource }) },
        }));
        return { staticPolicies: some(false), templates: some(true), templateLinks };
}

// null for "the policies are accepted, and which is which is not known".
function ask(triple) {
        const parts = cedar.policySetTextToParts(triple.policies);
        if (parts.type !== 'success') return refused('policies', parts);
        const policies = policySet(triple, parts);
        if (!policies) return null;
        const { principal, action, resource, context, entities } = triple;
        const answer = cedar.isAuthorized({ policies, principal, action, resource, context, entities });
        if (answer.type !== 'success') return refused('request', answer);
        const { decision, diagnostics } = answer.response;
        const errors = diagnostics.errors.map((e) => e.policyId);
        return {
                decision,
                reasons: diagnostics.reason,
                errors,
                why: diagnostics.errors.map((e) => e.error.message).join('; '),
        };
}

module.exports = { ask };
