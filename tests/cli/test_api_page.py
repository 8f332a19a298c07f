# SPDX-License-Identifier: Apache-2.0
"""givc-api(7): all that protoc finds in the protocol is in the page, with what is said about it there."""

import re
import subprocess

import pytest
from conftest import BUILD, ROOT, WAIT
from google.protobuf import descriptor_pb2

FILES = sorted(str(f.relative_to(ROOT / 'proto')) for f in (ROOT / 'proto').rglob('*.proto'))
PAGE = BUILD / 'man/givc-api.7'
TYPES = {t.number: t.name.removeprefix('TYPE_').lower() for t in
         descriptor_pb2.FieldDescriptorProto.DESCRIPTOR.enum_types_by_name['Type'].values}


def run(*words, **options):
    done = subprocess.run(words, capture_output=True, timeout=WAIT, check=False, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


def one_line(text):
    return ' '.join(text.split())


class Elements:
    """What a file declares: kind, full name in the file, head of its paragraph in the page, and comment."""

    def __init__(self, file):
        self.package = file.package
        self.comments = {tuple(at.path): one_line(f'{at.leading_comments} {at.trailing_comments}')
                         for at in file.source_code_info.location}
        self.list = []
        for i, service in enumerate(file.service):
            self.add('service', [6, i], service.name, f'service {file.package}.{service.name}')
            for k, m in enumerate(service.method):
                streams = [('', 'stream ')[m.client_streaming], ('', 'stream ')[m.server_streaming]]
                self.add('method', [6, i, 2, k], f'{service.name}.{m.name}',
                         f'{m.name}({streams[0]}{self.short(m.input_type)}) returns '
                         f'{streams[1]}{self.short(m.output_type)}')
        for i, message in enumerate(file.message_type):
            self.add_message(message, [4, i], '')
        for i, enum in enumerate(file.enum_type):
            self.add_enum(enum, [5, i], '')

    def add(self, kind, path, name, head):
        self.list.append((kind, name, head, self.comments.get(tuple(path), '')))

    def short(self, name):
        return re.sub(rf'^\.{re.escape(self.package)}\.', '', name).lstrip('.')

    def add_enum(self, enum, path, within):
        self.add('enum', path, within + enum.name, f'enum {within}{enum.name}')
        for i, value in enumerate(enum.value):
            self.add('value', [*path, 2, i], f'{within}{enum.name}.{value.name}', f'{value.name} = {value.number}')

    def add_message(self, message, path, within):
        name = within + message.name
        self.add('message', path, name, f'message {name}')
        maps = {m.name: m for m in message.nested_type if m.options.map_entry}
        for i, field in enumerate(message.field):
            entry = maps.get(field.type_name.rsplit('.', 1)[-1])
            if entry:
                kind = f'map<{self.type_of(entry.field[0])}, {self.type_of(entry.field[1])}>'
            else:
                label = 'optional ' if field.proto3_optional else 'repeated ' if field.label == 3 else ''
                kind = label + self.type_of(field).removeprefix(f'{name}.')
            oneof = field.HasField('oneof_index') and not field.proto3_optional
            within_one = f', one of {message.oneof_decl[field.oneof_index].name}' if oneof else ''
            self.add('field', [*path, 2, i], f'{name}.{field.name}',
                     f'{field.name} = {field.number} ({kind}{within_one})')
        for i, nested in enumerate(message.nested_type):
            if not nested.options.map_entry:
                self.add_message(nested, [*path, 3, i], f'{name}.')
        for i, enum in enumerate(message.enum_type):
            self.add_enum(enum, [*path, 4, i], f'{name}.')

    def type_of(self, field):
        return self.short(field.type_name) if field.type_name else TYPES[field.type]


def described():
    text = run('protoc', f'--proto_path={ROOT}/proto', '--include_source_info', '--descriptor_set_out=/dev/stdout',
               *FILES)
    return {file.name: Elements(file) for file in descriptor_pb2.FileDescriptorSet.FromString(text).file}


DESCRIBED = described()


@pytest.fixture(scope='module', name='page')
def page_fixture():
    """As a reader has it, in one line."""
    text = run('mandoc', '-T', 'utf8', '-O', 'width=1000', str(PAGE), text=True)
    return one_line(re.sub(r'.\x08', '', text).replace('‐\n', '-'))


@pytest.mark.parametrize('name', FILES)
def test_everything_that_is_called_or_sent_is_described(name):
    lacking = [f'{kind} {what}' for kind, what, _, comment in DESCRIBED[name].list
               if kind in ('service', 'method', 'field', 'enum') and not comment]
    assert lacking == []


@pytest.mark.parametrize('name', FILES)
def test_page(page, name):
    """A head with its comment right behind it, everything in the section of its package."""
    begin = page.index(f'PACKAGE {DESCRIBED[name].package} {name}: ')
    section = page[begin:page.find(' PACKAGE ', begin + 1) % len(page)]
    for _, what, head, comment in DESCRIBED[name].list:
        assert f'{head} {comment}'.strip() in section, what


def test_page_is_well_formed():
    lint = subprocess.run(['mandoc', '-T', 'lint', '-W', 'warning', str(PAGE)], capture_output=True, text=True,
                          timeout=WAIT, check=False).stdout
    assert [line for line in lint.splitlines() if 'skipping paragraph macro' not in line] == []


@pytest.mark.parametrize('text', ['message A { string b = 1; }', 'message A {\n  reserved 1;\n}', '}', 'option x = 1;',
                                  'message A {', 'message A {\n  string b =\n      1;\n}'])
def test_what_is_not_understood_fails(tmp_path, text):
    (tmp_path / 'x.proto').write_text(f'// X.\nsyntax = "proto3";\n\npackage x;\n\n{text}\n')
    done = subprocess.run(['awk', '-f', 'man/givc-api.awk', 'man/givc-api.7.in', str(tmp_path / 'x.proto'),
                           'proto/status.proto'], cwd=ROOT, capture_output=True, text=True, timeout=WAIT, check=False)
    assert done.returncode == 1 and re.match(r'.*\.proto:\d+: ', done.stderr)
