# SPDX-License-Identifier: Apache-2.0
# Prints a C header with the descriptors of all messages and services that protoc-c's headers declare.

BEGIN {
        print "#pragma once"
}
FNR == 1 {
        name = FILENAME
        sub(/.*\/proto\//, "", name)
        print "#include \"" name "\""
}
/^extern const ProtobufCMessageDescriptor / {
        sub(/;/, "", $4)
        types = types "        &" $4 ",\n"
}
/^extern const ProtobufCServiceDescriptor / {
        sub(/;/, "", $4)
        services = services "        &" $4 ",\n"
}
END {
        print "static const ProtobufCMessageDescriptor *const all_types[] = {\n" types "};"
        print "static const ProtobufCServiceDescriptor *const all_services[] = {\n" services "};"
}
