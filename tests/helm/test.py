"""The Helm chart, rendered by Helm itself.

Good values give what golden/ has, which Kubernetes' schemas take and the exporter's own
--config.check finds valid; bad values are refused with the message in bad/NAME.expected.
Usage: test.py EXPORTER; UPDATE=1 writes golden files and messages anew, to be read before they are kept.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

import helm_python
import kubernetes_validate
import yaml

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent
CHART = ROOT / "deploy/helm/iam-key-exporter"
KUBERNETES = "1.37.0"
# What the operator's kinds have, by their definitions; they are not among Kubernetes' own schemas.
ENDPOINT = {"port", "path", "scheme", "interval", "scrapeTimeout", "tlsConfig", "basicAuth", "relabelings", "metricRelabelings"}
MONITOR = {"jobLabel", "selector", "namespaceSelector", "targetLabels", "sampleLimit", "endpoints"}
GROUP = {"name", "interval", "limit", "labels", "query_offset", "partial_response_strategy", "rules"}
ALERT = {"alert", "expr", "for", "keep_firing_for", "labels", "annotations"}
RECORD = {"record", "expr", "labels"}

problems = []


def expect(condition, what):
    if not condition:
        problems.append(what)


def compare(path, text):
    if os.environ.get("UPDATE"):
        path.write_text(text)
    kept = path.read_text() if path.exists() else ""
    expect(kept == text, f"{path.relative_to(ROOT)} is not what is rendered now; UPDATE=1 writes it anew")


def render(chart, values):
    return chart.render(values, name="release", namespace="apps")


def documents(rendered):
    for template, text in sorted(rendered.items()):
        if not template.endswith("NOTES.txt"):
            for document in yaml.safe_load_all(text):
                if document:
                    yield template, document


def shorten(groups, values):
    """Of the repository's rules those that are changed, without what is not; the rest is compared elsewhere."""
    rule_values = values.get("prometheusRule", {})
    for group in groups:
        if group["name"].startswith("aws-iam-") or group["name"].startswith("iam-key-exporter"):
            rules = [rule for rule in group["rules"] if rule.get("alert") in rule_values.get("overrides", {})]
            group["rules"] = [{**rule, "expr": "…", "annotations": {**rule["annotations"], "description": "…"}} for rule in rules]


def golden(rendered, values):
    """The manifests without the long texts that are copies of other files."""
    parts = []
    for template, document in documents(rendered):
        if "dashboard" in template:
            document["data"] = {name: "…" for name in document["data"]}
        if document["kind"] == "PrometheusRule":
            shorten(document["spec"]["groups"], values)
        parts.append(f"# {template.split('/', 1)[1]}\n{yaml.safe_dump(document, sort_keys=True, allow_unicode=True, width=200)}")
    return "---\n".join(parts)


def validate(name, document):
    where = f"{name}: {document['kind']} {document['metadata']['name']}"
    spec = document.get("spec", {})
    if document["kind"] == "ServiceMonitor":
        expect(set(spec) <= MONITOR, f"{where}: {set(spec) - MONITOR}")
        for endpoint in spec["endpoints"]:
            expect(set(endpoint) <= ENDPOINT, f"{where}: {set(endpoint) - ENDPOINT}")
    elif document["kind"] == "PrometheusRule":
        validate_rules(where, spec)
    else:
        try:
            kubernetes_validate.validate(document, KUBERNETES, strict=True)
        except kubernetes_validate.ValidationError as error:
            problems.append(f"{where}: {str(error).splitlines()[0]}")


def validate_rules(where, spec):
    for group in spec["groups"]:
        expect(set(group) <= GROUP, f"{where}: {set(group) - GROUP}")
        for rule in group["rules"]:
            known = ALERT if "alert" in rule else RECORD
            expect(set(rule) <= known, f"{where}: {set(rule) - known}")
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump(spec, file)
        file.flush()
        said = subprocess.run(["promtool", "check", "rules", file.name], capture_output=True, text=True)
        expect(said.returncode == 0, f"{where}: {said.stdout}{said.stderr}")


def configuration_is_valid(name, document, exporter):
    if document["kind"] == "ConfigMap" and "iam-key-exporter.yml" in document.get("data", {}):
        with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
            file.write(document["data"]["iam-key-exporter.yml"])
            file.flush()
            said = subprocess.run([exporter, f"--config.file={file.name}", "--config.check"], capture_output=True, text=True)
            expect(said.returncode == 0, f"{name}: the exporter refuses its configuration: {said.stderr}")


def calls(container):
    """The arguments of the exporter itself, and of it as a probe."""
    yield container["args"]
    for probe in ("livenessProbe", "readinessProbe"):
        command = container.get(probe, {}).get("exec", {}).get("command")
        if command:
            yield command[1:]


def arguments_are_known(name, document, exporter):
    """Everything but the values of $(…) as a container would pass it."""
    for container in containers(document):
        if container["name"] in ("exporter", "healthcheck"):
            for call in calls(container):
                args = [re.sub(r"\$\(\w+\)", "0", arg) for arg in call if ".file=" not in arg]
                # Who is asked for its health reads no configuration.
                args.append("--help" if "healthcheck" in args else "--config.check")
                said = subprocess.run([exporter, *args], capture_output=True, text=True)
                expect(said.returncode == 0, f"{name}: the exporter refuses {args}: {said.stderr}")


def containers(document):
    spec = document.get("spec", {})
    pod = spec.get("template", {}).get("spec", spec)
    return pod.get("containers", [])


def restricted(name, document):
    """The restricted Pod Security Standard, for the containers that are the chart's own."""
    for container in containers(document):
        if container["name"] in ("exporter", "healthcheck"):
            context = container["securityContext"]
            expect(context["allowPrivilegeEscalation"] is False, f"{name}: privileges can be gained")
            expect(context["readOnlyRootFilesystem"] is True, f"{name}: the root can be written to")
            expect(context["capabilities"] == {"drop": ["ALL"]}, f"{name}: capabilities")
            spec = document["spec"]
            pod = spec.get("template", {}).get("spec", spec)["securityContext"]
            expect(pod["runAsNonRoot"] is True and pod["seccompProfile"]["type"] == "RuntimeDefault", f"{name}: pod")


def good(chart, exporter):
    for path in sorted((HERE / "values").glob("*.yaml")):
        values = yaml.safe_load(path.read_text())
        chart.validate_schema(values)
        rendered = render(chart, values)
        compare(HERE / "golden" / path.name, golden(rendered, values))
        for _, document in documents(rendered):
            validate(path.stem, document)
            configuration_is_valid(path.stem, document, exporter)
            arguments_are_known(path.stem, document, exporter)
            restricted(path.stem, document)
        report = helm_python.lint(str(CHART), values, strict=True)
        worst = [message for message in report["messages"] if message["severity"] >= 2]
        expect(not worst and not report["errors"], f"{path.stem}: helm lint: {worst} {report['errors']}")


def bad(chart):
    for path in sorted((HERE / "bad").glob("*.yaml")):
        values = yaml.safe_load(path.read_text())
        try:
            chart.validate_schema(values)
            render(chart, values)
            message = "(rendered)"
        except helm_python.HelmError as error:
            message = str(error).strip()
        expect(message != "(rendered)", f"{path.name} is taken")
        compare(path.with_suffix(".expected"), message + "\n")


def rules_are_those_of_the_repository(chart):
    rendered = render(chart, {"prometheusRule": {"enabled": True}})
    rules = [document for _, document in documents(rendered) if document["kind"] == "PrometheusRule"]
    source = yaml.safe_load((ROOT / "alerts/rules.yaml").read_text())
    expect(rules[0]["spec"] == source, "the chart's rules are not alerts/rules.yaml")


def dashboards_are_those_of_the_repository(chart):
    rendered = render(chart, {"dashboards": {"enabled": True}})
    shown = {}
    for _, document in documents(rendered):
        if "dashboard" in document["metadata"]["name"]:
            shown.update(document["data"])
    source = {f"iam-key-exporter-{path.name}": path.read_text() for path in (ROOT / "dashboards").glob("*.json")}
    expect({name: text.rstrip() for name, text in shown.items()} == {n: t.rstrip() for n, t in source.items()}, "the chart's dashboards are not dashboards/*.json")


def every_value_is_in_the_schema_and_none_besides(chart):
    """Otherwise the schema refuses a default, or lets a slip of the pen pass."""
    def walk(values, schema, where):
        if "properties" in schema and isinstance(values, dict) and values:
            expect(set(values) <= set(schema["properties"]), f"{where}: not in the schema: {set(values) - set(schema['properties'])}")
            for key, value in values.items():
                walk(value, schema["properties"].get(key, {}), f"{where}.{key}")
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    schema = chart.schema
    walk(values, schema, "values")
    expect(set(values) == set(schema["properties"]), f"only in one of values and schema: {set(values) ^ set(schema['properties'])}")
    chart.validate_schema(values)


def memory_is_limited_as_by_the_unit(chart):
    unit = (ROOT / "deploy/systemd/iam-key-exporter.service").read_text()
    allowed = re.search(r"^MemoryMax=(\d+)M$", unit, re.MULTILINE)[1]
    charted = {document["kind"]: document for _, document in documents(render(chart, {}))}
    limits = containers(charted["Deployment"])[0]["resources"]["limits"]
    expect(limits == {"memory": f"{allowed}Mi"}, f"the unit allows {allowed} MiB, the chart {limits}")


def values_in_documents(chart):
    text = (ROOT / "docs/installation.md").read_text()
    block = re.search(r"```yaml\n(# values\.yaml.*?)```", text, re.DOTALL)
    expect(block, "docs/installation.md: no values.yaml")
    if block:
        try:
            values = yaml.safe_load(block[1])
            chart.validate_schema(values)
            render(chart, values)
        except helm_python.HelmError as error:
            problems.append(f"docs/installation.md: {error}")


def kustomize(chart, exporter):
    """The base is what the chart makes of its defaults, but for names and labels."""
    with tempfile.TemporaryDirectory() as folder:
        overlay = {"resources": [os.path.relpath(ROOT / "deploy/kustomize/base", folder)], "namespace": "keys"}
        overlay["components"] = [os.path.relpath(ROOT / "deploy/kustomize/operator", folder)]
        (pathlib.Path(folder) / "kustomization.yaml").write_text(yaml.safe_dump(overlay))
        said = subprocess.run([ROOT / "target/tools/kubectl/bin/kubectl", "kustomize", folder], capture_output=True, text=True)
    expect(said.returncode == 0, f"kustomize: {said.stderr}")
    made = {document["kind"]: document for document in yaml.safe_load_all(said.stdout) if document}
    expect(len(made) == 6, f"kustomize: {sorted(made)}")
    job = made["ServiceMonitor"]["spec"]["jobLabel"]
    expect(job == "app.kubernetes.io/instance" and job in made["Service"]["metadata"]["labels"], f"kustomize: no job by {job}")
    for document in made.values():
        validate("kustomize", document)
        configuration_is_valid("kustomize", document, exporter)
        restricted("kustomize", document)
    source = yaml.safe_load((ROOT / "alerts/rules.yaml").read_text())
    expect(made["PrometheusRule"]["spec"] == source, "kustomize: the rules are not alerts/rules.yaml")
    charted = {document["kind"]: document for _, document in documents(render(chart, {}))}
    pods = [dict(objects["Deployment"]["spec"]["template"]["spec"]) for objects in (charted, made)]
    for pod in pods:
        pod["serviceAccountName"] = "…"
        pod["volumes"] = [{**volume, "configMap": "…"} if "configMap" in volume else volume for volume in pod["volumes"]]
    expect(pods[0] == pods[1], f"kustomize: the pod is not the chart's:\n{yaml.safe_dump(pods[0])}\n{yaml.safe_dump(pods[1])}")


def main():
    exporter = sys.argv[1]
    helm_python.disable_logging()
    chart = helm_python.Chart.load(str(CHART))
    good(chart, exporter)
    bad(chart)
    rules_are_those_of_the_repository(chart)
    dashboards_are_those_of_the_repository(chart)
    every_value_is_in_the_schema_and_none_besides(chart)
    memory_is_limited_as_by_the_unit(chart)
    values_in_documents(chart)
    kustomize(chart, exporter)
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"chart: {len(list((HERE / 'values').glob('*.yaml')))} good and {len(list((HERE / 'bad').glob('*.yaml')))} bad sets of values, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
