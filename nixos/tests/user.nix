# SPDX-License-Identifier: Apache-2.0
# Whose session it is, on nodes that have one.
{
  users.users.ghaf = {
    isNormalUser = true;
    uid = 1000;
    group = "users";
  };
}
