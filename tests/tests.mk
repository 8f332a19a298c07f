# SPDX-License-Identifier: Apache-2.0
# What developers run: tests, lint, benchmark, fuzzing, demo. Included by the Makefile.
