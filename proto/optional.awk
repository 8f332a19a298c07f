# SPDX-License-Identifier: Apache-2.0
# protoc-c refuses `optional` in proto3 (1.4 and 1.5). Its wire form is that of a oneof with one member, which protoc-c
# takes; this rewrites one into the other.
#
#     optional string VmName = 2;  ->  oneof HasVmName { string VmName = 2; }
#
# In C, item->has_vm_name_case is ADMIN__QUERY_LIST_ITEM__HAS_VM_NAME_VM_NAME when item->vmname is valid, 0 when unset.

/^[[:space:]]*syntax[[:space:]]*=/ {
        proto3 = /proto3/
}
proto3 && /^[[:space:]]*optional[[:space:]]/ {
        if (!match($0, /[A-Za-z_][A-Za-z0-9_]*[[:space:]]*=[[:space:]]*[0-9]+[^;]*;/)) {
                printf "%s:%d: an optional field must be on one line\n", FILENAME, FNR > "/dev/stderr"
                exit 1
        }
        name = substr($0, RSTART)
        sub(/[[:space:]]*=.*/, "", name)
        head = substr($0, 1, RSTART + RLENGTH - 1)
        tail = substr($0, RSTART + RLENGTH)
        sub(/optional[[:space:]]+/, "oneof Has" toupper(substr(name, 1, 1)) substr(name, 2) " { ", head)
        $0 = head " }" tail
}
{ print }
