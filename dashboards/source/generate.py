"""Writes the dashboards as Grafana takes them, by provisioning and by import."""

import json
import pathlib
import sys

from grafana_foundation_sdk.cog.encoder import JSONEncoder

import account
import exporter
import fleet


def text(built):
    model = json.loads(JSONEncoder(sort_keys=True).encode(built.build()))
    model.update({"id": None, "__inputs": [], "__requires": [], "graphTooltip": 1})
    return json.dumps(model, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def main(folder):
    for name, room in {"fleet": fleet, "account": account, "exporter": exporter}.items():
        (pathlib.Path(folder) / f"{name}.json").write_text(text(room.build()), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
