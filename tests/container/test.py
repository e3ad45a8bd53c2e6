"""The image and the compose stack, as far as they can be tried without Docker.

Proven here: what the Dockerfile copies is there, let in by .dockerignore, and all that the compiler asks for; its
commands are ones that the program takes, it is not root and no version is left open; the stack's files exist,
Prometheus and Alertmanager take theirs, and the exporter reads what the seed made in moto with the very environment and configuration of the stack.
Not proven here: that the image builds and that the stack comes up, which needs Docker.
Usage: test.py EXPORTER, with the Python of target/tools/moto.
"""

import fnmatch
import json
import logging
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

import yaml
from moto.server import ThreadedMotoServer

ROOT = pathlib.Path(__file__).parent.parent.parent
STACK = ROOT / "deploy/compose"
problems = []


def expect(condition, what):
    if not condition:
        problems.append(what)


def run(*command, **how):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, **how)


def instructions():
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    text = re.sub(r"\\\n", " ", "\n".join(line for line in lines if not line.startswith("#")))
    return [tuple(line.split(None, 1)) for line in text.splitlines() if line.strip()]


def is_let_in(path):
    """As .dockerignore says: the last pattern that matches the path or a folder above it decides."""
    let_in = True
    for pattern in (ROOT / ".dockerignore").read_text().split("\n"):
        if not pattern or pattern.startswith("#"):
            continue
        own = pattern.lstrip("!")
        parts = path.split("/")
        if any(fnmatch.fnmatch("/".join(parts[: n + 1]), own) for n in range(len(parts))):
            let_in = pattern.startswith("!")
    return let_in


def image(exporter):
    found = {}
    copied = {}
    for name, rest in instructions():
        found.setdefault(name, []).append(rest)
        if name == "COPY":
            *sources, target = [word for word in shlex.split(rest) if not word.startswith("--")]
            copied[target] = sources
            for source in sources if "--from=" not in rest else []:
                expect((ROOT / source).exists() and is_let_in(source), f"Dockerfile: COPY {source}: not there, or kept out")
    for base in found["FROM"]:
        _, _, tag = base.split()[0].rpartition(":")
        expect(":" in base and tag != "latest", f"Dockerfile: FROM {base}: no version")
    expect(not is_let_in("target") and not is_let_in(".git"), ".dockerignore lets build products in")
    expect(re.fullmatch(r"[1-9]\d*:[1-9]\d*", found["USER"][-1]), f"Dockerfile: USER {found['USER'][-1]}: not a number, or root")
    program, arguments = json.loads(found["ENTRYPOINT"][0]), json.loads(found["CMD"][0])
    check = json.loads(found["HEALTHCHECK"][0].split("CMD ", 1)[1])
    expect(program[0] in copied and check[0] == program[0], "Dockerfile: the program is not where it is started from")
    config = arguments[0].removeprefix("--config.file=")
    expect(config in copied, f"Dockerfile: {config} is not in the image")
    said = run(exporter, f"--config.file={ROOT / copied[config][0]}", *arguments[1:], "--config.check")
    expect(said.returncode == 0, f"Dockerfile: CMD: {said.stderr}")
    rotate = re.search(r"command: \[([\w-]+), ", (ROOT / "docs/rotation.md").read_text())[1]
    expect(f"/usr/bin/{rotate}" in copied, f"docs/rotation.md starts {rotate}, and the image does not have it")
    said = run(exporter, *check[1:], "--help")
    expect(said.returncode == 0, f"Dockerfile: HEALTHCHECK: {said.stderr}")


def builds():
    """The compiler's view of what the first stage copies; a file that only this tree has would be missed there."""
    stage = next(name for name, rest in enumerate(instructions()) if "AS build" in rest[1])
    with tempfile.TemporaryDirectory() as folder:
        for name, rest in instructions()[stage + 1 :]:
            if name == "FROM":
                break
            if name == "COPY":
                *sources, target = shlex.split(rest)
                for source in sources:
                    copy(source, pathlib.Path(folder) / target)
        # The products of this tree, so that the libraries are not built once more.
        environment = {**os.environ, "CARGO_TARGET_DIR": str(ROOT / "target")}
        said = run("cargo", "check", "--locked", "--workspace", "--bins", cwd=folder, env=environment)
        expect(said.returncode == 0, f"Dockerfile: the sources that it copies do not build:\n{said.stderr[-3000:]}")


def copy(source, folder):
    """Copies as Docker does: the content of a folder, and nothing that .dockerignore keeps out."""
    place = ROOT / source
    files = [place] if place.is_file() else [file for file in place.rglob("*") if file.is_file()]
    for file in files:
        if is_let_in(str(file.relative_to(ROOT))):
            target = folder / (file.name if place.is_file() else file.relative_to(place))
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)


def services(*files):
    merged = {}
    for file in files:
        for name, service in yaml.safe_load((STACK / file).read_text())["services"].items():
            kept = merged.setdefault(name, {"volumes": {}, "environment": {}})
            kept["environment"].update(service.get("environment", {}))
            kept["image"] = service.get("image", kept.get("image"))
            for volume in service.get("volumes", []):
                short = isinstance(volume, str)
                target = re.split(r":(?=/)", volume)[-1].removesuffix(":ro") if short else volume["target"]
                kept["volumes"][target] = volume
    return merged


def sources(stack):
    """Files of the repository that are mounted, by their place in the container."""
    found = {}
    for name, service in stack.items():
        for target, volume in service["volumes"].items():
            if isinstance(volume, str) and volume.startswith("."):
                found[name, target] = (STACK / volume.split(":")[0]).resolve()
    return found


def stack():
    both = services("compose.yaml", "compose.moto.yaml")
    mounted = {**sources(services("compose.yaml")), **sources(both)}
    for (name, target), source in mounted.items():
        expect(source.exists(), f"compose: {name}: {target}: {source} is missing")
    dashboards = {source.name for (name, _), source in mounted.items() if name == "grafana" and source.suffix == ".json"}
    expect(dashboards == {path.name for path in (ROOT / "dashboards").glob("*.json")}, f"compose: dashboards {dashboards}")
    for name, service in both.items():
        image_name = service["image"]
        is_pinned = re.search(r":v?\d+\.\d+", image_name)
        expect(image_name == "iam-key-exporter" or is_pinned, f"compose: {name}: {image_name} has no version")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for (name, target), source in mounted.items():
            if name in ("prometheus", "alertmanager"):
                place = folder / target.lstrip("/")
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(source.read_text())
        said = run("promtool", "check", "config", folder / "etc/prometheus/prometheus.yml")
        expect(said.returncode == 0, f"compose: prometheus.yml: {said.stdout}{said.stderr}")
        said = run("amtool", "check-config", folder / "etc/alertmanager/alertmanager.yml")
        expect(said.returncode == 0, f"compose: alertmanager.yml: {said.stdout}{said.stderr}")
    return both


def pretended(exporter, both):
    """moto, the seed, and the exporter with what the stack gives them, but for names, folders and shorter ages."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    endpoint = {"AWS_ENDPOINT_URL": "http://%s:%d" % server.get_host_and_port(), "PATH": os.environ["PATH"]}
    seeded = run(sys.executable, "-B", STACK / "seed.py", env={**both["seed"]["environment"], **endpoint})
    expect(seeded.returncode == 0, f"compose: seed: {seeded.stderr}")
    refused = run(sys.executable, "-B", STACK / "seed.py", env={"PATH": os.environ["PATH"]})
    expect(refused.returncode != 0, "compose: the seed would write into a real account")
    with tempfile.TemporaryDirectory() as folder:
        config = pathlib.Path(folder) / "iam-key-exporter.yml"
        text = (STACK / "iam-key-exporter.moto.yml").read_text().replace("/var/lib/iam-key-exporter", f"{folder}/state")
        config.write_text(text.replace("2m", "2s").replace("90s", "1s").replace("poll_interval: 10s", "poll_interval: 1s"))
        environment = {name: value for name, value in both["exporter"]["environment"].items() if "${" not in value}
        process = subprocess.Popen(
            [exporter, f"--config.file={config}", "--web.listen-address=127.0.0.1:0"],
            env={**environment, **endpoint, "AWS_REGION": "us-east-1"},
            stderr=subprocess.STDOUT,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            overdue_is_shown(process)
        finally:
            process.kill()
            process.wait()
            server.stop()


def overdue_is_shown(process):
    address = next((line.split("address=")[1].split()[0] for line in process.stdout if "address=" in line), None)
    if address is None:
        expect(False, "compose: the exporter does not start in the environment of the stack")
        return
    wanted = 'aws_iam_account_access_keys_overdue{account_id="123456789012"} 4'
    deadline = time.monotonic() + 60
    page = ""
    while time.monotonic() < deadline:
        page = urllib.request.urlopen(f"http://{address}/metrics").read().decode()
        if wanted in page and 'tag_owner="platform"' in page:
            return
        time.sleep(0.2)
    expect(False, f"compose: never saw {wanted}:\n{page}")


def main():
    exporter = os.path.abspath(sys.argv[1])
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    image(exporter)
    builds()
    pretended(exporter, stack())
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"container: {len(problems)} problems; not tried: the build and the start, which need Docker")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
