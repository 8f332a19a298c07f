/* SPDX-License-Identifier: Apache-2.0 */
/* Turns off what gRPC's mutexes do for their developers. Before grpc_init(). */
#pragma once

void rpc_mutex_tune(void);
