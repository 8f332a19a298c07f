// SPDX-License-Identifier: Apache-2.0
// test.Echo for @grpc/grpc-js, its proto loaded at run time.
'use strict';

const fs = require('fs');
const path = require('path');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const root = path.resolve(__dirname, '../../..');
const options = {
        keepCase: true,
        longs: Number,
        defaults: true,
        includeDirs: [path.join(root, 'tests/interop'), path.join(root, 'proto')],
};
const names = ['echo.proto', 'health.proto', 'reflection.proto', 'reflection_v1alpha.proto'];
const packages = grpc.loadPackageDefinition(loader.loadSync(names, options));

const read = (files) => files.map((f) => fs.readFileSync(f));

module.exports = { grpc, packages, read };
