# SPDX-License-Identifier: Apache-2.0
"""A fleet of real systemd machines on one computer: see ../fleet --help."""
