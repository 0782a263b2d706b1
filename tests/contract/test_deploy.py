"""What deploy/ and the Dockerfile set up, held against the schemas and tools of those who will run it, and our own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]  # ships no types
import pytest
import yaml
from check_jsonschema.builtin_schemas import get_builtin_schema  # type: ignore[import-untyped]  # ships no types
from jsonschema.validators import validator_for  # type: ignore[import-untyped]  # ships no types

from bot.settings import check, load
from bot.settings.model import PostgresState
from bot.web.ops import OpsEndpoints
from tests.tools import ROOT, program, run

DEPLOY = ROOT / "deploy"
COMPOSE = DEPLOY / "compose.yaml"
MANIFESTS = DEPLOY / "kubernetes"
UNIT = DEPLOY / "systemd" / "ropewalk.service"
DOCKERFILE = ROOT / "Dockerfile"
VERSIONS = ("1.30", "1.37")  # of Kubernetes: the oldest that its makers or distributors still mend, and the newest
FOREIGN = {"kustomization.yaml", "servicemonitor.yaml"}  # kinds that a cluster does not bring itself
STOPS_WITHIN = 10  # seconds, as docs/operations.md promises
EXPOSED_AT_MOST = 15  # tenths, by `systemd-analyze security`


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text("utf-8"))


def taken(text: str, folder: Path) -> PostgresState:
    """The state of a configuration that the bot starts with, once its secrets lie where it looks for them."""
    for number, place in enumerate(re.findall(r"/run/secrets/[\w/-]+", text)):
        secret = folder / str(number)
        secret.touch(mode=0o600)
        secret.write_text("whsec_" + "A" * 43 + "=")
        text = text.replace(place, str(secret))
    path = folder / "ropewalk.yaml"
    path.write_text(text)
    assert [str(one) for one in check(path, {}, folder)] == []
    state = load(path, {}, folder).state
    assert isinstance(state, PostgresState)
    return state


# compose


@pytest.fixture(scope="module")
def composed() -> dict[str, Any]:
    found: dict[str, Any] = read(COMPOSE)
    return found


def test_the_compose_file_is_one_by_its_specification(composed: dict[str, Any]) -> None:
    schema = get_builtin_schema("vendor.compose-spec")
    validator = validator_for(schema)(schema)
    assert [error.message for error in validator.iter_errors(composed)] == []
    composed = {**composed, "services": {"bot-1": {"read_onyl": True}}}
    assert not validator.is_valid(composed), "a slip would be told"


def test_replicas_differ_in_their_folder_and_port_alone(composed: dict[str, Any]) -> None:
    one, two = (composed["services"][name] for name in ("bot-1", "bot-2"))
    assert {key for key in one if one[key] != two[key]} == {"volumes", "ports"}
    assert one.keys() == two.keys()


def test_containers_can_do_no_more_than_they_must(composed: dict[str, Any]) -> None:
    for name, service in composed["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["user"] not in ("", "root", "0"), name
        assert service["healthcheck"]["test"][0] == "CMD", name
        assert service["restart"] != "no", name
        assert not service["image"].endswith(":latest") and ":" in service["image"], name
        assert int(service["stop_grace_period"].removesuffix("s")) > STOPS_WITHIN, name
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name
    assert "ports" not in composed["services"]["database"]
    assert composed["networks"]["inside"] == {"internal": True}
    assert composed["services"]["database"]["networks"] == ["inside"]


def test_secrets_are_files_and_each_is_asked_for(composed: dict[str, Any], tmp_path: Path) -> None:
    asked = [secret for service in composed["services"].values() for secret in service["secrets"]]
    assert set(asked) == set(composed["secrets"])
    assert all(list(one) == ["file"] for one in composed["secrets"].values())
    values = composed["services"]["database"]["environment"]
    assert {key for key in values if "PASSWORD" in key} == {"POSTGRES_PASSWORD_FILE"}
    configuration = (DEPLOY / composed["configs"]["ropewalk"]["file"]).read_text("utf-8")
    named = set(re.findall(r"/run/secrets/([\w-]+)", configuration))
    assert named == set(composed["services"]["bot-1"]["secrets"])
    state = taken(configuration, tmp_path)
    database = composed["services"]["database"]["environment"]
    assert dict(state.words)["host"] in composed["services"]
    assert (dict(state.words)["user"], dict(state.words)["dbname"]) == (
        database["POSTGRES_USER"],
        database["POSTGRES_DB"],
    )


# Kubernetes


def manifests() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted(MANIFESTS.glob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text("utf-8")):
            yield path.name, document


def of_kind(kind: str) -> dict[str, Any]:
    (found,) = (document for _, document in manifests() if document["kind"] == kind)
    return found


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("name", "document"), [pytest.param(*one, id=one[0]) for one in manifests() if one[0] not in FOREIGN]
)
def test_manifests_are_what_kubernetes_takes(name: str, document: dict[str, Any], version: str) -> None:
    kubernetes_validate.validate(document, version, strict=True)


def test_a_slip_in_a_manifest_would_be_told() -> None:
    deployment = of_kind("Deployment")
    deployment["spec"]["template"]["spec"]["containers"][0]["securityContext"]["readOnlyRootFileSystem"] = True
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(deployment, VERSIONS[-1], strict=True)


def test_pods_keep_to_the_restricted_standard() -> None:
    """Source: Kubernetes, "Pod Security Standards", Restricted; the namespace enforces it."""
    assert of_kind("Namespace")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    pod = of_kind("Deployment")["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    (container,) = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert not {next(iter(volume.keys() - {"name"})) for volume in pod["volumes"]} - {"configMap", "secret", "emptyDir"}
    assert pod["terminationGracePeriodSeconds"] > STOPS_WITHIN
    assert "env" not in container, "secrets are files"


def test_the_parts_of_the_manifests_find_each_other(tmp_path: Path) -> None:
    deployment, service = of_kind("Deployment"), of_kind("Service")
    template = deployment["spec"]["template"]
    labels = template["metadata"]["labels"].items()
    monitor = of_kind("ServiceMonitor")["spec"]
    for selector in (
        deployment["spec"]["selector"]["matchLabels"],
        service["spec"]["selector"],
        of_kind("NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
        of_kind("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        template["spec"]["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"],
    ):
        assert selector and selector.items() <= labels
    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    (container,) = template["spec"]["containers"]
    ports = {port["name"] for port in container["ports"]}
    assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports
    assert {one["port"] for one in monitor["endpoints"]} <= {port["name"] for port in service["spec"]["ports"]}
    probes = [container[f"{one}Probe"]["httpGet"] for one in ("startup", "liveness", "readiness")]
    assert {probe["port"] for probe in probes} <= ports
    assert all(hasattr(OpsEndpoints, probe["path"].strip("/")) for probe in probes)
    assert of_kind("PodDisruptionBudget")["spec"]["minAvailable"] < deployment["spec"]["replicas"]
    assert template["spec"]["serviceAccountName"] == of_kind("ServiceAccount")["metadata"]["name"]
    mounted = {mount["mountPath"] for mount in container["volumeMounts"]}
    configuration = of_kind("ConfigMap")["data"]["ropewalk.yaml"]
    named = re.findall(r"/run/secrets/ropewalk/([\w-]+)", configuration)
    assert {"/run/secrets/ropewalk", "/etc/ropewalk", "/tmp"} <= mounted
    assert set(named) == set(of_kind("Secret")["stringData"])
    assert yaml.safe_load(configuration)["web"]["port"] == container["ports"][0]["containerPort"]
    state = taken(configuration, tmp_path)
    assert str(state.files).startswith("/var/lib/ropewalk/")
    authority = Path(dict(state.words)["sslrootcert"])
    assert str(authority.parent) in mounted and authority.name in of_kind("ConfigMap")["data"]
    assert {document["metadata"].get("namespace") for name, document in manifests() if name not in FOREIGN} == {
        of_kind("Namespace")["metadata"]["name"],
        None,
    }


def test_what_is_applied_exists_and_holds_no_secret() -> None:
    applied = set(read(MANIFESTS / "kustomization.yaml")["resources"])
    files = {path.name for path in MANIFESTS.glob("*.yaml")}
    assert files - applied == {*FOREIGN, "secret.example.yaml"}
    assert applied <= files
    assert set(of_kind("Secret")["stringData"].values()) == {""}


# systemd


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit, with a program that there is on this machine."""
    path = tmp_path / "ropewalk.service"
    path.write_text(UNIT.read_text("utf-8").replace("/opt/ropewalk/bin/ropewalk", str(ROOT / ".venv/bin/ropewalk")))
    return path


@pytest.mark.slow
def test_systemd_takes_the_unit(unit: Path) -> None:
    assert run([program("systemd-analyze"), "verify", "--recursive-errors=no", unit]) == (0, "")


@pytest.mark.slow
def test_systemd_takes_the_drop_in_for_builds(unit: Path) -> None:
    """That a build works within what it opens is told by tests/stories/test_shut_in.py."""
    folder = unit.with_suffix(".service.d")
    folder.mkdir()
    (folder / "builds.conf").write_text((UNIT.parent / "builds.conf").read_text("utf-8"))
    assert run([program("systemd-analyze"), "verify", "--recursive-errors=no", unit]) == (0, "")
    (folder / "builds.conf").write_text("[Service]\nRestrictNamespace=no\n")
    assert "RestrictNamespace" in run([program("systemd-analyze"), "verify", "--recursive-errors=no", unit])[1]


@pytest.mark.slow
def test_a_slip_in_the_unit_would_be_told(unit: Path) -> None:
    unit.write_text(unit.read_text("utf-8").replace("ProtectHome=yes", "ProtectHomes=yes"))
    assert "ProtectHomes" in run([program("systemd-analyze"), "verify", "--recursive-errors=no", unit])[1]


@pytest.mark.slow
def test_the_unit_shuts_the_daemon_in(unit: Path) -> None:
    command = [program("systemd-analyze"), "security", "--offline=true", "--no-pager"]
    code, said = run([*command, f"--threshold={EXPOSED_AT_MOST}", unit])
    assert code == 0, said
    assert run([*command, "--threshold=1", unit])[0] != 0, "the threshold counts"


@pytest.mark.slow
def test_the_units_user_can_be_made() -> None:
    made = UNIT.with_suffix(".sysusers")
    code, said = run([program("systemd-sysusers"), "--dry-run", made])
    assert (code, "ropewalk" in said) == (0, True), said
    (user,) = re.findall(r"^User=(\w+)$", UNIT.read_text("utf-8"), re.MULTILINE)
    assert f"\nu {user} " in made.read_text("utf-8")


def test_the_unit_gets_its_secrets_as_credentials() -> None:
    text = UNIT.read_text("utf-8")
    handed = re.findall(r"^LoadCredential=([\w-]+):", text, re.MULTILINE)
    assert handed == ["gitlab-token", "hook-secret"]
    named = re.findall(r"/run/credentials/ropewalk\.service/([\w-]+)", text)
    assert named == handed
    assert not re.findall(r"^Environment=.*(TOKEN|SECRET|PASSWORD)", text, re.MULTILINE)
    (stop,) = re.findall(r"^TimeoutStopSec=(\d+)$", text, re.MULTILINE)
    assert int(stop) > STOPS_WITHIN


# Dockerfile


def stages() -> list[list[str]]:
    """The instructions of each stage, a line each."""
    text = re.sub(r"^\s*#.*\n", "", DOCKERFILE.read_text("utf-8"), flags=re.MULTILINE).replace("\\\n", " ")
    found: list[list[str]] = []
    for line in (" ".join(one.split()) for one in text.splitlines() if one.strip()):
        if line.startswith("FROM "):
            found.append([])
        found[-1].append(line)
    return found


@pytest.mark.slow
def test_the_dockerfile_passes_hadolint() -> None:
    assert run([ROOT / ".venv/bin/hadolint", "--failure-threshold=style", DOCKERFILE]) == (0, "")


@pytest.mark.slow
def test_a_slip_in_the_dockerfile_would_be_told() -> None:
    text = DOCKERFILE.read_text("utf-8").replace("USER 10001:10001", "USER root")
    code, said = run([ROOT / ".venv/bin/hadolint", "--failure-threshold=style", "-"], given=text)
    assert (code, "DL3002" in said) == (1, True), said


def test_the_image_holds_what_runs_and_nothing_that_builds() -> None:
    build, final = stages()
    assert build[0] == "FROM python:3.11.13-slim-bookworm AS build"
    assert final[0] == "FROM python:3.11.13-slim-bookworm"
    installs = [line for line in build if " install " in line or " sync " in line]
    assert [("--require-hashes" in line, "--no-deps" in line) for line in installs] == [
        (True, False),
        (True, False),
        (True, True),  # our own wheel, built with what the lock says
    ]
    text = "\n".join(final)
    assert [line for line in final if line.startswith("COPY")] == ["COPY --from=build /opt/ropewalk /opt/ropewalk"]
    assert "pip uninstall" in text
    assert not re.search(r"apt-get|curl|wget|pip install", text)
    assert "chmod a-s" in text
    assert "USER 10001:10001" in final
    assert "STOPSIGNAL SIGTERM" in final
    assert any(line.startswith("HEALTHCHECK ") and "/livez" in line for line in final)
    assert final[-2:] == ['ENTRYPOINT ["ropewalk"]', 'CMD ["serve"]']


def test_the_locked_image_has_what_traces_need() -> None:
    locked = (ROOT / "requirements" / "run.txt").read_text("utf-8")
    assert re.search(r"^opentelemetry-sdk==", locked, re.MULTILINE)
