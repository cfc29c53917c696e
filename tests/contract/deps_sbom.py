# Reads lines of `form<TAB>path`, and prints for each what is wrong with that bill: CycloneDX by the
# official schema, SPDX by the validator of its own project. Both are quick enough for hundreds: what
# the latter looks for again for every package is remembered.
import json
import logging
import os
import sys
from urllib.parse import urljoin, urlsplit

import cyclonedx.schema
import jsonschema_rs
from spdx_tools.spdx.parser.jsonlikedict.json_like_dict_parser import JsonLikeDictParser
from spdx_tools.spdx.validation import document_validator, package_validator, spdx_id_validators

logging.disable(logging.CRITICAL)


def of_cyclonedx():
    folder = os.path.join(os.path.dirname(cyclonedx.schema.__file__), "_res")

    def load(name):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            return json.load(file)

    schema = load("bom-1.6.SNAPSHOT.schema.json")
    others = [n for n in os.listdir(folder) if n.endswith(".json") and not n.startswith("bom")]
    known = [(urljoin(schema["$id"], name), load(name)) for name in others]
    registry = jsonschema_rs.Registry(known, draft=jsonschema_rs.Draft7)
    validator = jsonschema_rs.Draft7Validator(schema, registry=registry, validate_formats=True)
    return lambda bill: [str(error) for error in validator.iter_errors(bill)]


def remembered(function):
    last = {}

    def wrapper(document):
        if last.get("of") is not document:
            last["of"], last["value"] = document, function(document)
        return last["value"]

    return wrapper


def by_kind(function):
    last = {}

    def wrapper(relationships, kind, *rest):
        if last.get("of") is not relationships:
            last["of"], last["kinds"] = relationships, {}
            for one in relationships:
                last["kinds"].setdefault(one.relationship_type, []).append(one)
        return function(last["kinds"].get(kind, []), kind, *rest)

    return wrapper


spdx_id_validators.get_list_of_all_spdx_ids = remembered(spdx_id_validators.get_list_of_all_spdx_ids)
for name in ["filter_by_type_and_target", "filter_by_type_and_origin"]:
    setattr(package_validator, name, by_kind(getattr(package_validator, name)))


def is_address(message):
    # This validator knows only hosts whose last part has two to five letters; the standard
    # (clause 7.7) takes every URI, that of a registry on the own machine as well.
    start = "package download_location must be a valid URL or download location"
    url = urlsplit(message.rsplit("but is: ", 1)[-1])
    return message.startswith(start) and url.scheme in ("http", "https") and bool(url.hostname)


def of_spdx(bill):
    document = JsonLikeDictParser().parse(bill)
    wrong = document_validator.validate_full_spdx_document(document, "SPDX-2.3")
    return [one.validation_message for one in wrong if not is_address(one.validation_message)]


FORMS = {"cyclonedx": of_cyclonedx(), "spdx": of_spdx}
for line in sys.stdin:
    form, path = line.rstrip("\n").split("\t", 1)
    try:
        with open(path, encoding="utf-8") as file:
            wrong = FORMS[form](json.load(file))
    except Exception as error:
        wrong = [repr(error)]
    print(json.dumps([path, [one[:400] for one in wrong][:3]]), flush=True)
