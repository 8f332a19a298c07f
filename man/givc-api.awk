# SPDX-License-Identifier: Apache-2.0
# givc-api(7) of its frame, the first file, and the comments of protocol files, which are the others. A comment belongs to
# the declaration below it, or before it on the same line, as protoc has it; a line that is no declaration is an error.

function fail(what) {
        printf "%s:%d: %s\n", FILENAME, FNR, what > "/dev/stderr"
        failed = 1
        exit 1
}
function plain(text) {
        gsub(/[\\_*`]/, "\\\\&", text)
        return text
}
function take(comment) {
        comment = above
        above = ""
        return comment
}
# A paragraph each, of what was said before and beside a declaration.
function add(comment, line) {
        sub(/^\/\/ ?/, "", line)
        if (line == "")
                return comment == "" ? "" : comment "\n\n"
        return comment (comment == "" || comment ~ /\n$/ ? "" : " ") plain(line)
}
function indented(comment) {
        gsub(/\n\n/, "\n\n\t", comment)
        return comment == "" ? "" : "\t" comment "\n"
}
function open_block(kind, name) {
        depth++
        kinds[depth] = kind
        names[depth] = kind == "oneof" || depth == 1 ? name : names[depth - 1] "." name
        texts[depth] = kind == "oneof" ? "" : "## " kind " " plain((kind == "service" ? package "." : "") names[depth]) "\n\n"
        if (above != "")
                texts[depth] = texts[depth] take() "\n\n"
}
# What is inside of a message is told before it, services before messages; members of a oneof are told as its fields.
function close_block() {
        if (!depth)
                fail("nothing is open here")
        if (kinds[depth] == "oneof")
                texts[depth - 1] = texts[depth - 1] texts[depth]
        else if (kinds[depth] == "service")
                services = services texts[depth]
        else
                messages = messages texts[depth]
        depth--
        above = ""
}
function tell_package() {
        told = told services messages
        services = messages = ""
}
function member(head, comment) {
        texts[depth] = texts[depth] head "\n" indented(comment) "\n"
}
# The declaration without its tail's comment, which is in beside.
function declaration(line) {
        beside = ""
        if (match(line, /[;}][[:space:]]*\/\/.*$/)) {
                beside = substr(line, RSTART + 1)
                sub(/^[[:space:]]*/, "", beside)
                line = substr(line, 1, RSTART)
        }
        gsub(/^[[:space:]]+|[[:space:]]*;?[[:space:]]*$/, "", line)
        return line
}
function field(line, number, name, type, within) {
        number = line
        sub(/.*= */, "", number)
        sub(/ *= *[0-9]+$/, "", line)
        name = line
        sub(/.* /, "", name)
        type = substr(line, 1, length(line) - length(name) - 1)
        within = kinds[depth] == "oneof" ? ", one of " plain(names[depth]) : ""
        member("*" plain(name) "* = " number " (_" plain(type) "_" within ")", add(take(), beside))
}
function method(line, parts) {
        gsub(/[(),]/, " ", line)
        gsub(/stream +/, "stream:", line)
        split(line, parts, " ")
        gsub(/stream:/, "stream ", parts[3])
        gsub(/stream:/, "stream ", parts[5])
        member("*" plain(parts[2]) "*(_" plain(parts[3]) "_) returns _" plain(parts[5]) "_", add(take(), beside))
}

NR == FNR {
        if (!seen_packages && $0 == "@PACKAGES@")
                seen_packages = 1
        else if (seen_packages)
                rest = rest $0 "\n"
        else
                print
        next
}
FNR == 1 {
        if (depth)
                fail("the file before this one ends early")
        about = above = ""
}
/^\/\/ SPDX-License-Identifier:/ { next }
/^[[:space:]]*\/\// {
        sub(/^[[:space:]]+/, "")
        above = add(above, $0)
        next
}
/^[[:space:]]*$/ {
        above = ""
        next
}
/^syntax = / {
        about = take()
        next
}
/^import / { next }
/^package / {
        package = declaration($2)
        tell_package()
        file = FILENAME
        sub(/^(.*\/)?proto\//, "", file)
        told = told "# PACKAGE " plain(package) "\n\n_" plain(file) "_: " about "\n\n"
        next
}
{ line = declaration($0) }
line ~ /^(message|enum|service|oneof) [A-Za-z0-9_]+ \{(\})?$/ {
        split(line, words, " ")
        open_block(words[1], words[2])
        if (line ~ /\}$/)
                close_block()
        next
}
line == "}" {
        close_block()
        next
}
depth && kinds[depth] == "service" && line ~ /^rpc [A-Za-z0-9_]+\((stream )?[A-Za-z0-9_.]+\) returns \((stream )?[A-Za-z0-9_.]+\)$/ {
        method(line)
        next
}
depth && kinds[depth] == "enum" && line ~ /^[A-Za-z0-9_]+ = [0-9]+$/ {
        split(line, words, " ")
        member("*" plain(words[1]) "* = " words[3], add(take(), beside))
        next
}
depth && line ~ /^((optional|repeated) )?[A-Za-z0-9_.]+(<[a-z0-9]+, [A-Za-z0-9_.]+>)? [A-Za-z0-9_]+ = [0-9]+$/ {
        field(line)
        next
}
{ fail("'" $0 "' is no declaration that is known here") }
END {
        tell_package()
        if (!failed)
                printf "%s%s", told, rest
}
