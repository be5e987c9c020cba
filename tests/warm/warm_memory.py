"""A store of parsed and written YAML and compiled modules for all processes of the warm environment, by content.

DVC parses dvc.lock and params.yaml several times in each command and writes dvc.lock after each stage, in Python, and
each clone compiles the same modules. Each new registry needs an empty database of MLflow, and MLflow's migrations take
1.6 CPU seconds.
"""

import contextlib
import hashlib
import importlib.machinery
import io
import marshal
import os
import pickle
import sqlite3
import tempfile


def use(folder):
    """Let this process and its forks look into a folder before they parse or compile a text."""
    os.makedirs(folder, exist_ok=True)
    _modules(folder)
    _yaml(folder)


def use_databases(folder):
    """Let MLflow copy the first empty database that it made instead of making others."""
    import mlflow.store.db.utils as of_mlflow
    import sqlalchemy

    make, kept = of_mlflow._initialize_tables, f"{folder}/mlflow.db"
    os.makedirs(folder, exist_ok=True)

    def initialized(engine):
        place = str(engine.url.database)
        usual = engine.dialect.name == "sqlite" and os.path.isfile(place)
        if not usual or sqlalchemy.inspect(engine).get_table_names():
            make(engine)
        elif os.path.exists(kept):
            _copied(kept, place)
        else:
            make(engine)
            number, name = tempfile.mkstemp(dir=folder)
            os.close(number)
            _copied(place, name)
            os.replace(name, kept)

    of_mlflow._initialize_tables = initialized


def _copied(database, to):
    with contextlib.closing(sqlite3.connect(database)) as one, contextlib.closing(sqlite3.connect(to)) as other:
        one.backup(other)


def _modules(folder):
    import _imp

    loader = importlib.machinery.SourceFileLoader
    compile_ = loader.source_to_code

    def source_to_code(self, data, path, **given):
        def make():
            return marshal.dumps(compile_(self, data, path, **given))

        code = marshal.loads(_kept(folder, b"module", bytes(data), make))
        _imp._fix_co_filename(code, str(path))
        return code

    loader.source_to_code = source_to_code


def _yaml(folder):
    import dvc.utils.serialize._yaml as of_dvc
    import ruamel.yaml
    import yaml

    load, parse, safe_load, dump = ruamel.yaml.YAML.load, of_dvc.parse_yaml, yaml.safe_load, of_dvc._dump

    def known(kind, text, make):
        content = _kept(folder, kind, text.encode("utf-8", "surrogateescape"), lambda: pickle.dumps(make()))
        return pickle.loads(content)

    def ruamels(self, stream):
        if not isinstance(stream, str) or self.typ != ["safe"]:
            return load(self, stream)
        return known(f"ruamel {self.pure}".encode(), stream, lambda: load(self, stream))

    def dvcs(text, path, typ="safe"):  # for an update, with comments
        return known(b"dvc", text, lambda: parse(text, path, typ)) if typ == "rt" else parse(text, path, typ)

    def pyyamls(stream):
        return known(b"pyyaml", stream, lambda: safe_load(stream)) if isinstance(stream, str) else safe_load(stream)

    def dumped(data, stream):
        def make():
            dump(data, text := io.StringIO())
            return text.getvalue().encode()

        stream.write(_kept(folder, b"dump", pickle.dumps(data), make).decode())

    ruamel.yaml.YAML.load, of_dvc.parse_yaml, yaml.safe_load, of_dvc._dump = ruamels, dvcs, pyyamls, dumped


def _kept(folder, kind, text, make):
    """The bytes that `make` returned for a text of this kind in any process; an error is not stored."""
    place = f"{folder}/{hashlib.sha256(kind + b':' + text).hexdigest()}"
    with contextlib.suppress(OSError), open(place, "rb") as file:
        return file.read()
    made = make()
    with contextlib.suppress(OSError):
        number, name = tempfile.mkstemp(dir=folder)
        with open(number, "wb") as file:
            file.write(made)
        os.replace(name, place)
    return made
