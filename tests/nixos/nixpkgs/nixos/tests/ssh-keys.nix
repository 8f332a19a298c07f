# SPDX-License-Identifier: Apache-2.0
_: {
  snakeOilPrivateKey = "private";
  snakeOilPublicKey = "public";
}
