/* SPDX-License-Identifier: Apache-2.0 */
/* MESSAGE_ID= of what an administrator searches the journal for. An id never changes its meaning; units/givc.catalog
 * explains each, with fields that are logged beside it, and the pages of the daemons list them. */
#pragma once

#define MESSAGE_REGISTERED            "a495bb56d7b84708bb4fa1f671d33cf7"
#define MESSAGE_REGISTRATION_REFUSED  "ffd47282e8df4f24a92ff02f88dd2ba2"
#define MESSAGE_REGISTRATION_FAILED   "d8de0e9fccae4761b5e00d4269b0456a"
#define MESSAGE_AGENT_UNREACHABLE     "ef06c202e76d48ee811a9267963356b6"
#define MESSAGE_AGENT_REACHABLE       "bc230194ffb1496b898ef6099849d149"
#define MESSAGE_ADMIN_UNREACHABLE     "bdeb024e2c164be79b580b2535a35a46"
#define MESSAGE_APPLICATION_STARTED   "2921c3f29f384ad288f7cd2bb1cf3d70"
#define MESSAGE_APPLICATION_FAILED    "bab521f2744544148303491ad877555e"
#define MESSAGE_VM_STARTED            "3292e7a987ea434691dc557a649e14e0"
#define MESSAGE_VM_START_FAILED       "44ffaa7ca48f4287b92319f3366ded4c"
#define MESSAGE_VM_OFF                "eb644761848b4ae0884ad4f9e0f2c2bb"
#define MESSAGE_POWER                 "dce64c6a436a49c7b942c1cdb09c7f65"
#define MESSAGE_ACCESS_DENIED         "a1978a9f025240a38d7afb2ec1f72645"
#define MESSAGE_PEER_REFUSED          "0d98d797db4147c5ba3d770a35342d59"
#define MESSAGE_CERTIFICATES_RELOADED "21a4c85126fe47dba079e8e27bffd19c"
#define MESSAGE_CERTIFICATES_REFUSED  "495770d4a88f42ea86d129f53cf7c503"
#define MESSAGE_CONFIGURATION_REFUSED "8f6e0a0142a045ac8c12e5cb43600da3"
#define MESSAGE_TLS_OFF               "741b18a9468945fe929c41397cbb66a0"
#define MESSAGE_LIMIT_REACHED         "5de0dde37d324055aefc538d698aa6e1"
#define MESSAGE_POLICY_CHANGED        "1a85b1c994b04d1c8257e5f274352bfc"
#define MESSAGE_POLICY_FAILED         "7682aef9c2704d36b83d0bbd6753d4f0"
#define MESSAGE_RULES_LOADED          "caf1a7ed468b447c8e7ddd6af775b667"
#define MESSAGE_RULES_REFUSED         "3f0ce1817b2c47f2bf938bdb981ea35d"
#define MESSAGE_RULE_FAILED           "ba12e6b4419d41de9f0f0ab9f7f72f57"
