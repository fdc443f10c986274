"""The section `deployment.kubernetes` of a configuration: what the pods of a run get on Kubeflow.

Images and resources are not here, but in `pipeline.deployment`. `pipeline.kubernetes_platform`
turns these settings into the document that Kubeflow Pipelines reads.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable

from components.configuration import PositiveInt

DEFAULT = "default"

_OPERATORS = ("Equal", "Exists")
_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_OBJECT_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_QUANTITY = re.compile(r"[0-9]+(\.[0-9]+)?(Ki|Mi|Gi|Ti|k|M|G|T)?")
# Kubeflow's launcher downloads into these folders; a volume there would hide its files.
_LAUNCHERS_FOLDERS = ("/gcs", "/s3", "/minio")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Volume:
    """A persistent volume claim that is mounted into pods.

    Attributes:
        claim: name of the claim, which must already exist.
        path: folder at which it is mounted.
        sub_path: folder of the volume to mount; "" mounts the whole volume.
        components: ids of the components that get the volume; empty for all. A claim that only one
            node can mount (ReadWriteOnce) should be given to a single component.
    """

    claim: str
    path: str
    sub_path: str = ""
    components: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_object(self.claim, where="claim")
        _check_mount(self.path, where=f"volume {self.claim!r}: path")

    def holds(self, path: str) -> bool:
        """Returns whether a folder is on this volume."""
        return f"{_normal(path)}/".startswith(f"{_normal(self.path)}/")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Toleration:
    """A taint that pods tolerate on their nodes; pools of GPU nodes often have one.

    Attributes:
        key: key of the taint.
        operator: "Equal" compares the taint's value with `value`; "Exists" accepts any value.
        value: value of the taint, for the operator "Equal".
        effect: effect of the taint: "NoSchedule", "PreferNoSchedule" or "NoExecute"; "" accepts
            all three.
        seconds: how long a pod stays on a node with a NoExecute taint; None for no limit.
    """

    key: str = ""
    operator: str = "Equal"
    value: str = ""
    effect: str = ""
    seconds: int | None = None

    def __post_init__(self) -> None:
        if not self.key:
            raise ValueError(
                "a toleration has no key, so that it would accept every taint, of broken nodes "
                "too. Give the key of the taint (kubectl describe node)."
            )
        if self.operator not in _OPERATORS:
            raise ValueError(
                f"toleration {self.key!r}: operator is {self.operator!r}; it should be one of "
                f"{', '.join(_OPERATORS)}."
            )
        if self.operator == "Exists" and self.value:
            raise ValueError(
                f"toleration {self.key!r}: operator Exists takes no value, but it is "
                f"{self.value!r}."
            )
        if self.effect and self.effect not in _EFFECTS:
            raise ValueError(
                f"toleration {self.key!r}: effect is {self.effect!r}; it should be one of "
                f"{', '.join(_EFFECTS)}."
            )
        if self.seconds is not None and self.effect != "NoExecute":
            raise ValueError(f"toleration {self.key!r}: seconds belong to the effect NoExecute.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class SecretVariables:
    """Environment variables whose values come from a secret.

    Attributes:
        secret: name of the secret, which is in the namespace of the run.
        variables: maps the name of each variable to the key in the secret that holds its value.
    """

    secret: str
    variables: dict[str, str]

    def __post_init__(self) -> None:
        _check_object(self.secret, where="secret")
        for variable in self.variables:
            _check_variable(variable, where=f"secret {self.secret!r}")
        if not self.variables:
            raise ValueError(f"secret {self.secret!r} has no variables; give VARIABLE: KEY.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class SecretFiles:
    """A secret that is mounted as a folder, with one file for each of its keys.

    Attributes:
        secret: name of the secret, which is in the namespace of the run.
        path: path of the folder in the pod.
    """

    secret: str
    path: str

    def __post_init__(self) -> None:
        _check_object(self.secret, where="secret")
        _check_mount(self.path, where=f"secret {self.secret!r}: path")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ObjectStore:
    """An S3 service, such as the MinIO or SeaweedFS that comes with Kubeflow Pipelines.

    Every component gets its address and credentials, so that data can be read from s3://BUCKET/…
    or minio://BUCKET/…, and models can be pushed there.

    Attributes:
        endpoint: address of the service as seen from pods; None for Amazon S3.
        secret: name of the secret that holds the credentials; None if pods get their credentials
            from their service account.
        access_key: key under which the secret holds the access key.
        secret_key: key under which the secret holds the secret key.
        region: region of the bucket; services other than Amazon's accept any.
    """

    endpoint: str | None = None
    secret: str | None = "mlpipeline-minio-artifact"
    access_key: str = "accesskey"
    secret_key: str = "secretkey"
    region: str = "us-east-1"

    def __post_init__(self) -> None:
        if self.endpoint is not None and not self.endpoint.startswith(("http://", "https://")):
            raise ValueError(
                f"endpoint is {self.endpoint!r}; it should start with http:// or https://, such "
                "as http://minio-service.kubeflow:9000."
            )
        if self.secret is not None:
            _check_object(self.secret, where="secret")

    def variables(self) -> dict[str, str]:
        """Returns the environment variables of S3 clients, except those with credentials."""
        found = {"AWS_DEFAULT_REGION": self.region}
        if self.endpoint:
            found["AWS_ENDPOINT_URL"] = self.endpoint
        return found

    def secret_variables(self) -> tuple[SecretVariables, ...]:
        """Returns the environment variables with the credentials; none if there is no secret."""
        if self.secret is None:
            return ()
        keys = {"AWS_ACCESS_KEY_ID": self.access_key, "AWS_SECRET_ACCESS_KEY": self.secret_key}
        return (SecretVariables(secret=self.secret, variables=keys),)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pod:
    """Settings for the pods of one component.

    Attributes:
        node_selector: labels that a node must have for the pods to run on it.
        tolerations: taints of nodes that the pods tolerate.
        variables: environment variables by name.
        secret_variables: environment variables whose values come from secrets.
        secret_files: secrets that are mounted as files.
        shared_memory: size of /dev/shm, such as "8Gi"; None keeps the node's default of 64 MB.
        timeout_seconds: time after which a pod is stopped, and started again if retries are left;
            None for no limit.
    """

    node_selector: dict[str, str] = dataclasses.field(default_factory=dict)
    tolerations: tuple[Toleration, ...] = ()
    variables: dict[str, str] = dataclasses.field(default_factory=dict)
    secret_variables: tuple[SecretVariables, ...] = ()
    secret_files: tuple[SecretFiles, ...] = ()
    shared_memory: str | None = None
    timeout_seconds: PositiveInt | None = None

    def __post_init__(self) -> None:
        for variable in self.variables:
            _check_variable(variable, where="variables")
        if self.shared_memory is not None and not _QUANTITY.fullmatch(self.shared_memory):
            raise ValueError(
                f"shared_memory is {self.shared_memory!r}; it should be a size such as 8Gi."
            )

    def over(self, other: Pod) -> Pod:
        """Combines these settings with others, over which these take precedence."""
        return Pod(
            node_selector={**other.node_selector, **self.node_selector},
            tolerations=(*other.tolerations, *self.tolerations),
            variables={**other.variables, **self.variables},
            secret_variables=(*other.secret_variables, *self.secret_variables),
            secret_files=(*other.secret_files, *self.secret_files),
            shared_memory=self.shared_memory or other.shared_memory,
            timeout_seconds=self.timeout_seconds or other.timeout_seconds,
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class KubernetesConfig:
    """Settings for all pods of a pipeline on Kubeflow.

    Attributes:
        service_account: service account of the cluster under which the pods run; None takes that
            of the installation.
        volumes: volume claims and the folders at which they are mounted.
        image_pull_secrets: names of the secrets with credentials for a private registry.
        object_store: S3 service for data and models.
        pods: settings by component id. Those of "default" apply to all components, and a
            component's own settings are added on top.
    """

    service_account: str | None = None
    volumes: tuple[Volume, ...] = ()
    image_pull_secrets: tuple[str, ...] = ()
    object_store: ObjectStore | None = None
    pods: dict[str, Pod] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.service_account is not None:
            if "@" in self.service_account:
                raise ValueError(
                    f"service_account is {self.service_account!r}, a Google account, but this is "
                    "the name of a service account of the cluster (kubectl get serviceaccounts). "
                    "Google's belongs in deployment.service_account."
                )
            _check_object(self.service_account, where="service_account")
        _check_once((volume.claim for volume in self.volumes), what="volume", where="volumes")
        _check_once(self.image_pull_secrets, what="secret", where="image_pull_secrets")
        for secret in self.image_pull_secrets:
            _check_object(secret, where="image_pull_secrets")
        # DEFAULT first, and in the file's order: the same mistake has the same message every time.
        for name in dict.fromkeys((DEFAULT, *self.pods, *sorted(self.component_ids()))):
            pod = self.pod(name)
            mounts = [volume.path for volume in self.volumes_of(name)]
            mounts += [secret.path for secret in pod.secret_files]
            _check_once(map(_normal, mounts), what="path", where=f"the mounts of {name}")
            variables = [*pod.variables]
            variables += [v for secret in pod.secret_variables for v in secret.variables]
            _check_once(variables, what="variable", where=f"the environment of {name}")

    def pod(self, component_id: str) -> Pod:
        """Returns the settings of a component's pods, with the defaults and the object store."""
        found = self.pods.get(DEFAULT, Pod())
        if component_id != DEFAULT and component_id in self.pods:
            found = self.pods[component_id].over(found)
        if self.object_store is not None:
            found = found.over(
                Pod(
                    variables=self.object_store.variables(),
                    secret_variables=self.object_store.secret_variables(),
                )
            )
        return found

    def volumes_of(self, component_id: str) -> list[Volume]:
        """Returns the volumes that a component gets."""
        return [v for v in self.volumes if not v.components or component_id in v.components]

    def is_on_volume(self, path: str, component_id: str) -> bool:
        """Returns whether a folder is on a volume of a component, and so outlives its pods."""
        return any(volume.holds(path) for volume in self.volumes_of(component_id))

    def is_on_any_volume(self, path: str) -> bool:
        """Returns whether a folder is on a volume of any component."""
        return any(volume.holds(path) for volume in self.volumes)

    def component_ids(self) -> set[str]:
        """Returns the ids of all components that these settings name."""
        named = {name for volume in self.volumes for name in volume.components}
        return (named | set(self.pods)) - {DEFAULT}


def _normal(path: str) -> str:
    return "/" + path.strip("/")


def _check_once(names: Iterable[str], *, what: str, where: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"{where} has {what} {name!r} twice; leave out one of them.")
        seen.add(name)


def _check_object(name: str, *, where: str) -> None:
    if not _OBJECT_NAME.fullmatch(name):
        raise ValueError(
            f"{where} is {name!r}, which is no name of an object in Kubernetes: lower-case "
            "letters, digits, hyphens and dots."
        )


def _check_variable(name: str, *, where: str) -> None:
    if not _VARIABLE.fullmatch(name):
        raise ValueError(
            f"{where} has {name!r}, which is no name of an environment variable: letters, digits "
            "and underscores."
        )


def _check_mount(path: str, *, where: str) -> None:
    if not path.startswith("/") or _normal(path) == "/":
        raise ValueError(f"{where} is {path!r}; it should be a folder such as /mnt/data.")
    for folder in _LAUNCHERS_FOLDERS:
        if f"{_normal(path)}/".startswith(f"{folder}/"):
            raise ValueError(
                f"{where} is {path!r}, but Kubeflow's launcher puts its copies below {folder}; "
                "take another folder, such as /mnt/data."
            )
